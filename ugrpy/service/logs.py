"""Event logs: one line per event, ``key=value``, to stderr (structlog's logfmt).

A line that cannot be written, on a full disk or to a closed pipe, is lost; who wanted to say something goes on all the same.
"""

import logging
import sys
from contextlib import suppress
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger


def _event_first(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    head = {key: event.pop(key) for key in ("time", "level", "event") if key in event}
    return {**head, **event}


class Unfailing:
    """A stream that loses what its own stream does not take."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write it, or do not."""
        with suppress(OSError, ValueError):  # the second is a stream that has been closed
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand on what is buffered, or do not."""
        with suppress(OSError, ValueError):
            self._stream.flush()


def set_up_logging(level: str, stream: TextIO | None = None) -> None:
    """Our events and the libraries' warnings go to one stream (stderr) in one form."""
    number = logging.getLevelNamesMapping()[level.upper()]
    stream = cast("TextIO", Unfailing(stream or sys.stderr))
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.format_exc_info,
        _event_first,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.LogfmtRenderer(bool_as_flag=False)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.LogfmtRenderer(bool_as_flag=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))
