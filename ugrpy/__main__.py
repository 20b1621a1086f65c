"""``python -m ugrpy`` is the same as ``ugrpy``."""

from ugrpy.cli import main

if __name__ == "__main__":
    main()
