"""How the pages look: the one style sheet, the templates beside it, and the policy that lets browsers show them.

A page is a single document without scripts or further requests. The style sheet stands inside it, and the
policy names that style sheet by its hash, so markup that slipped through could neither run nor load anything.
Templates are compiled when this module is imported, because reading a file later would block the event loop.
"""

import base64
import hashlib
import re
from pathlib import Path

import jinja2

_HERE = Path(__file__).parent

STYLE = (_HERE / "style.css").read_text("utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The ``Content-Security-Policy`` to send with every page made here (CSP level 3)."""

# What HTML or UTF-8 has no place for: controls, surrogates (bytes that are not UTF-8, PEP 383), noncharacters.
_UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def showable(text: str) -> str:
    """The text as a page can show it: what HTML has no place for becomes U+FFFD. Not escaped."""
    return text if text.isprintable() else _UNSHOWABLE.sub("\ufffd", text)


def _finalize(value: object) -> object:
    """Every expression of a template passes here before it is escaped; ready-made markup as it is."""
    return value if hasattr(value, "__html__") else showable(str(value))


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=_finalize,
    )
    environment.globals["style"] = STYLE
    return environment


_ENVIRONMENT = _environment()
_ENVIRONMENT.get_template("base.html")  # "extends" would read it at the first request
LISTING = _ENVIRONMENT.get_template("listing.html")
PROBLEM = _ENVIRONMENT.get_template("problem.html")
