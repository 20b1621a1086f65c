"""``python -m glintpy``."""

from glintpy.cli import main

if __name__ == "__main__":
    main()
