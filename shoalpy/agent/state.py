"""What does an agent remember over a restart? Who it is (row S31), and when it last wrote to its administrator (row S55).

Two files in its folder of state, each replaced at once and never half written. Where they cannot be kept, the agent works all the same: it is
then another one after each start.
"""

import contextlib
import os
import re
import uuid
from pathlib import Path

import structlog

log = structlog.get_logger("shoalpy.agent")

_IDENTITY = re.compile(r"[A-Za-z0-9._:@-]{1,128}")


class State:
    """The folder; an empty name for none."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder) if folder else None

    def __repr__(self) -> str:
        return f"<State in {self._folder}>"

    def identity(self) -> str:
        """Who this agent is: the one it was before, or from now on."""
        known = self._read("identity")
        if _IDENTITY.fullmatch(known):
            return known
        new = uuid.uuid4().hex
        self._write("identity", new)
        return new

    def mailed_at_s(self) -> float | None:
        """When the last letter went out."""
        with contextlib.suppress(ValueError):
            return float(self._read("mailed"))
        return None

    def mailed(self, now_s: float) -> None:
        """One went out."""
        self._write("mailed", f"{now_s:.0f}")

    def _read(self, name: str) -> str:
        if self._folder is None:
            return ""
        try:
            return (self._folder / name).read_text("ascii", "replace").strip()
        except OSError:
            return ""

    def _write(self, name: str, text: str) -> None:
        if self._folder is None:
            return
        file = self._folder / name
        new = file.with_suffix(".new")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            new.write_text(text + "\n")
            os.replace(new, file)
        except OSError as error:
            log.warning("state not kept", file=str(file), problem=str(error))
