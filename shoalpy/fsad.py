"""What is a line of ``/fsad.conf``, which tells frontier-squids how to find themselves (reference section 10.1)?"""

import re

_LINE = re.compile(r"[A-Za-z0-9_.-]+=[^\x00-\x1f\x7f]*")


def parse_fsad_line(text: str) -> str:
    """``name=value``; raises ``ValueError``."""
    if not _LINE.fullmatch(text):
        raise ValueError(f"expected name=value on one line, got {text!r}")
    return text
