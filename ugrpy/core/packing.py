"""How are small values laid out in bytes, and read back from bytes that anybody may have written?

Numbers are varints, seven bits a byte, the lowest first; signed ones are folded so that small ones stay short (both as in
Protocol Buffers). Text is UTF-8 with its length before it; a name that is no Unicode survives as the surrogates it is kept as. Every
fault of what is read is a ``DataError``, and nothing is allocated that is not there.
"""

import math
import struct

from ugrpy.core.errors import DataError

# No size, date or count has more than 64 bits; what absurd servers say has a little room more.
_MOST_BITS = 126
_REAL = struct.Struct("<d")


class Packer:
    """Bytes that grow."""

    __slots__ = ("data",)

    def __init__(self) -> None:
        self.data = bytearray()

    def __len__(self) -> int:
        return len(self.data)

    def byte(self, value: int) -> None:
        """One byte."""
        self.data.append(value)

    def number(self, value: int) -> None:
        """A number from zero on."""
        if value.bit_length() > _MOST_BITS:
            raise DataError("a number is too large to be packed", seen=hex(value)[:40])
        data = self.data
        while value > 0x7F:
            data.append(value & 0x7F | 0x80)
            value >>= 7
        data.append(value)

    def signed(self, value: int) -> None:
        """A number of either sign."""
        self.number(value << 1 if value >= 0 else (-value << 1) - 1)

    def real(self, value: float) -> None:
        """A number that need not be whole: eight bytes."""
        self.data += _REAL.pack(value)

    def octets(self, value: bytes) -> None:
        """Bytes, their length before them."""
        self.number(len(value))
        self.data += value

    def text(self, value: str) -> None:
        """Text, its length before it."""
        self.octets(value.encode("utf-8", "surrogatepass"))


class Unpacker:
    """Reads what a ``Packer`` wrote, in the same order."""

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, data: bytes, start: int = 0) -> None:
        self._data = data
        self._at = start
        self._end = len(data)

    def byte(self) -> int:
        """One byte."""
        at = self._at
        if at >= self._end:
            raise DataError("the bytes end too early")
        self._at = at + 1
        return self._data[at]

    def number(self) -> int:
        """A number from zero on."""
        value = self.byte()
        if value < 0x80:
            return value
        value &= 0x7F
        shift = 7
        while shift < _MOST_BITS:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        raise DataError("a number has no end")

    def signed(self) -> int:
        """A number of either sign."""
        folded = self.number()
        return -(folded >> 1) - 1 if folded & 1 else folded >> 1

    def real(self) -> float:
        """A number that need not be whole, and is one."""
        at = self._at
        if at + 8 > self._end:
            raise DataError("the bytes end too early")
        self._at = at + 8
        value: float = _REAL.unpack_from(self._data, at)[0]
        if not math.isfinite(value):
            raise DataError("a number is none", seen=str(value))
        return value

    def octets(self) -> bytes:
        """Bytes, their length before them."""
        length = self.number()
        at = self._at
        if length > self._end - at:
            raise DataError("the bytes end too early")
        self._at = at + length
        return self._data[at : at + length]

    def text(self) -> str:
        """Text, its length before it."""
        octets = self.octets()
        try:
            return octets.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise DataError("text is not UTF-8", seen=repr(octets[:40])) from None

    def count(self) -> int:
        """How many things follow, of at least a byte each."""
        count = self.number()
        if count > self._end - self._at:
            raise DataError("more is announced than there are bytes for", seen=str(count))
        return count

    def end(self) -> None:
        """There must be nothing more."""
        if self._at != self._end:
            raise DataError("something stands behind the end")
