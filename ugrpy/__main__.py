"""``python -m ugrpy`` is the same as ``ugrpy``."""

from ugrpy.cli import main

main()
