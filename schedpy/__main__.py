"""``python -m schedpy``."""

from schedpy.cli import main

if __name__ == "__main__":
    main()
