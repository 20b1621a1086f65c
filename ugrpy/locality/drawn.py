"""Which numbers decided between equals? A draw that keeps what it gave, so that a ranking can be made again."""

from ugrpy.locality.tiers import Draw


class Drawn:
    """Draws with ``draw``. ``numbers`` are those given since somebody emptied the list."""

    __slots__ = ("_draw", "numbers")

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self.numbers: list[float] = []

    def __repr__(self) -> str:
        return f"<Drawn {self.numbers}>"

    def __call__(self) -> float:
        """The next number."""
        number = self._draw()
        self.numbers.append(number)
        return number
