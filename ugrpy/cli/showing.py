"""How does text from elsewhere get onto a terminal? Names are the storages' business; a terminal is not to be steered by them."""

from rich.markup import escape
from rich.table import Table


def printable(text: str) -> str:
    """Without what a terminal would obey."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text
    )


def printable_markup(text: str) -> str:
    """The same for rich's consoles, which take brackets for markup."""
    return escape(printable(text))


def in_table(title: str, *headings: str) -> Table:
    """A table that wraps what does not fit: half a URL would be no use."""
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
