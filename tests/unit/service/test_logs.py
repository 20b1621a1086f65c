"""Event logs: one line per event, ours and the libraries', in one form."""

import io
import logging
import re
from contextlib import suppress
from pathlib import Path

import pytest
import structlog

from ugrpy.service.logs import set_up_logging


@pytest.fixture
def restored():
    """Logging is a thing of the process: put it back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.usefixtures("restored")
class TestLogs:
    def lines(self, level, write):
        stream = io.StringIO()
        set_up_logging(level, stream)
        write(structlog.get_logger("test"), logging.getLogger("some.library"))
        return stream.getvalue().splitlines()

    def test_one_line_an_event(self):
        def write(ours, _library):
            ours.info("endpoint changed", endpoint="uvic", reason="3 failures\nin a row")

        (line,) = self.lines("info", write)
        assert re.fullmatch(
            r'time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z level=info event="endpoint changed" '
            r'endpoint=uvic reason="3 failures\\nin a row"',
            line,
        )

    def test_what_is_less_severe_is_left_out(self):
        def write(ours, library):
            ours.info("quiet")
            ours.warning("loud")
            library.info("quiet")
            library.warning("loud")

        assert len(self.lines("warning", write)) == 2

    def test_libraries_are_heard_from_warning_on_and_in_our_form(self):
        def write(_ours, library):
            library.debug("no")
            library.info("no")
            library.warning("unclosed %s", "thing")

        (line,) = self.lines("debug", write)
        assert re.fullmatch(r'time=\S+Z level=warning event="unclosed thing"', line)

    def test_a_traceback_stays_on_its_line(self):
        def write(ours, _library):
            try:
                raise ValueError("because")
            except ValueError:
                ours.exception("request failed", id="1-a")

        (line,) = self.lines("error", write)
        assert "ValueError: because" in line
        assert "id=1-a" in line

    def test_a_full_disk_loses_lines_and_raises_nothing(self):
        with Path("/dev/full").open("w", buffering=1, encoding="utf-8") as full:
            set_up_logging("info", full)
            structlog.get_logger("test").info("lost")
            logging.getLogger("some.library").warning("lost too")
            with suppress(OSError):
                full.close()
            structlog.get_logger("test").info("lost, the stream being closed")
