"""How is a document read whose names hold bytes that XML cannot carry?

File names are bytes. nginx and XRootD write some of them into their XML as they are, and then a single name that is not UTF-8,
or holds a control character, makes the whole document ill-formed (XML 1.0 section 2.2). So every byte that cannot be
part of XML in UTF-8 is exchanged for a private character (plane 16, U+10FF00 plus the byte) before the parser sees it,
and the text that comes out is put back: bytes that are not UTF-8 as surrogate escapes, like everywhere in this project.
Characters that already are of that private range are put aside in the same way, so nothing is ever mistaken.

Documents in another encoding than UTF-8 are passed on untouched.
"""

import codecs
import re

_PRIVATE = 0x10FF00
_PLAIN = bytes(range(0x20, 0x80)) + b"\t\n\r"
_PLAIN_OR_HIGH = _PLAIN + bytes(range(0x80, 0x100))
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff\U0010ff00-\U0010ffff]+")
_PUT_ASIDE = re.compile("[\U0010ff00-\U0010ffff]+")

# The declaration is at the very start and short; waiting longer for its end would only hold data back.
_DECLARATION_BYTES = 256
_ENCODING = re.compile(rb"""<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]*)["']""")
_UTF_8 = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii"})


class Repair:
    """Pass the body through ``feed`` piece by piece, ``finish`` at its end, and each text that matters through ``restore``.

    ``made`` says whether anything had to be put aside.
    """

    __slots__ = ("_decoder", "_start", "_untouched", "made")

    def __init__(self) -> None:
        self.made = False
        self._start: bytes | None = b""
        self._untouched = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def __repr__(self) -> str:
        return f"<Repair made={self.made} untouched={self._untouched}>"

    def feed(self, data: bytes) -> bytes:
        """What the parser is to read; a few bytes may be held back until more is known."""
        if self._start is not None:
            self._start += data
            if len(self._start) < _DECLARATION_BYTES and b">" not in self._start:
                return b""
            data = self._begin()
        return self._pass(data, final=False)

    def finish(self) -> bytes:
        """What was held back."""
        data = b"" if self._start is None else self._begin()
        return self._pass(data, final=True)

    def restore(self, text: str) -> str:
        """A text of the document as its bytes were meant."""
        if not self.made or text.isascii():
            return text
        if _PUT_ASIDE.search(text) is None:
            return text
        # by way of bytes, since several put aside one by one may be one character all the same
        octets = b"".join(
            bytes(ord(c) - _PRIVATE for c in part) if _PUT_ASIDE.match(part) else part.encode()
            for part in re.split(f"({_PUT_ASIDE.pattern})", text)
            if part
        )
        return octets.decode("utf-8", "surrogateescape")

    def _begin(self) -> bytes:
        start, self._start = self._start or b"", None
        declared = _ENCODING.search(start[:_DECLARATION_BYTES])
        self._untouched = start[:2] in (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<") or (
            declared is not None and declared[1].lower() not in _UTF_8
        )
        return start

    def _pass(self, data: bytes, *, final: bool) -> bytes:
        if self._untouched:
            return data
        # the ordinary case, at the speed of memory: nothing pending, and nothing but printable ASCII
        if not self._decoder.getstate()[0] and not data.translate(None, _PLAIN):
            return data
        text = self._decoder.decode(data, final)
        if (fit := _encoded_if_fit(text)) is not None:
            return fit
        fit_text, count = _UNFIT.subn(_aside, text)
        self.made = self.made or count > 0
        return fit_text.encode()


def _encoded_if_fit(text: str) -> bytes | None:
    """The text in UTF-8 when there is nothing to put aside; searched as bytes, ten times as fast as by ``_UNFIT``."""
    try:
        octets = text.encode()
    except UnicodeEncodeError:  # a surrogate: a byte that is not UTF-8
        return None
    # U+FFFE and U+FFFF, the private range with its neighbours, control characters
    if b"\xef\xbf\xbe" in octets or b"\xef\xbf\xbf" in octets or b"\xf4\x8f" in octets:
        return None
    return None if octets.translate(None, _PLAIN_OR_HIGH) else octets


def _aside(unfit: re.Match[str]) -> str:
    return "".join(chr(_PRIVATE + byte) for byte in unfit[0].encode("utf-8", "surrogateescape"))
