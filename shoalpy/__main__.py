"""``python -m shoalpy``."""

from shoalpy.cli import main

if __name__ == "__main__":
    main()
