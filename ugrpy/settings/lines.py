"""On which line of a TOML file is a key?

``tomllib`` gives values without their places, and an operator wants to be told the line. This scanner walks over a
text that ``tomllib`` has already accepted, so it need not judge it: it only tells keys, strings, arrays and inline
tables apart well enough never to take one for the other. Should it lose its way in some newer TOML, the keys from
there on have no line; nothing else depends on it.
"""

import re
import tomllib
from bisect import bisect_right
from contextlib import suppress

# ("locality", "rules", 0, "prefer"): names of keys, positions in arrays
KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
# three quotes first; up to two more may stand before the closing three (TOML 1.0, "String")
_STRING = re.compile(
    r'''"""(?:[^\\]|\\.)*?""""{0,2}|\'\'\'.*?\'\'\'\'{0,2}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\'''',
    re.DOTALL,
)
_OTHER = re.compile(r"[^,\]}\n#]+")


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line, from 1, of every key, table and array element of a valid TOML text."""
    scanner = _Scanner(text)
    with suppress(_LostError):
        scanner.document()
    return scanner.lines


class _LostError(Exception):
    """The text is not what the scanner knows as TOML."""


class _Scanner:
    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._text = text
        self._at = 0
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._last_index: dict[KeyPath, int] = {}  # of each array of tables

    def document(self) -> None:
        """Headers set the table that the pairs below them belong to."""
        table: KeyPath = ()
        while self._skip_blank():
            if self._take("[["):
                table = self._array_header()
            elif self._take("["):
                table = self._resolve(self._dotted_key())
                self._note(table)
                self._need("]")
            else:
                self._pair(table)

    def _array_header(self) -> KeyPath:
        *parents, last = self._dotted_key()
        path = (*self._resolve(parents), last)
        index = self._last_index.get(path, -1) + 1
        self._last_index[path] = index
        self._note((*path, index))
        self._need("]]")
        return (*path, index)

    def _resolve(self, names: list[str]) -> KeyPath:
        """A header's path; the name of an array of tables stands for its last element."""
        path: KeyPath = ()
        for name in names:
            path = (*path, name)
            if path in self._last_index:
                path = (*path, self._last_index[path])
        return path

    def _pair(self, table: KeyPath) -> None:
        names = self._dotted_key()
        path = (*table, *names)
        self._note(path)
        self._need("=")
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self._skip_blank()
        if self._take("["):
            index = 0
            while not self._closes("]"):
                self._note((*path, index))
                self._value((*path, index))
                self._skip_blank()
                self._take(",")
                index += 1
        elif self._take("{"):
            while not self._closes("}"):
                self._pair(path)
                self._skip_blank()
                self._take(",")
        else:
            self._match(_STRING if self._text[self._at : self._at + 1] in ('"', "'") else _OTHER)

    def _dotted_key(self) -> list[str]:
        names = [self._name()]
        while self._skip_blank() and self._take("."):
            names.append(self._name())
        return names

    def _name(self) -> str:
        self._skip_blank()
        token = self._match(_KEY)
        return str(tomllib.loads(f"name = {token}")["name"]) if token[0] in "\"'" else token

    def _note(self, path: KeyPath) -> None:
        """Remember the line of a path and, unless they have one, of the tables it lies in."""
        line = bisect_right(self._breaks, self._at) + 1
        for end in range(1, len(path)):
            self.lines.setdefault(path[:end], line)
        self.lines[path] = line

    def _closes(self, bracket: str) -> bool:
        if not self._skip_blank():
            raise _LostError
        return self._take(bracket)

    def _skip_blank(self) -> bool:
        """Go to the next token; whether there is one."""
        self._match(_BLANK)
        return self._at < len(self._text)

    def _take(self, token: str) -> bool:
        if not self._text.startswith(token, self._at):
            return False
        self._at += len(token)
        return True

    def _need(self, token: str) -> None:
        self._skip_blank()
        if not self._take(token):
            raise _LostError

    def _match(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise _LostError
        self._at = match.end()
        return match.group()
