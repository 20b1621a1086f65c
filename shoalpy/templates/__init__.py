"""How the page looks: its style sheet, its template, and the policy that lets browsers show them and nothing else.

The page is a single document without scripts or further requests; the policy names the one style sheet in it by its hash, so markup
that slipped through could neither run nor load anything. The template is compiled at import, since reading files blocks the loop.
"""

import base64
import hashlib
from pathlib import Path

import jinja2

_HERE = Path(__file__).parent

STYLE = (_HERE / "style.css").read_text("utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The ``Content-Security-Policy`` to send with the page (CSP level 3)."""

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_ENVIRONMENT.globals["style"] = STYLE

CACHES = _ENVIRONMENT.get_template("caches.html")
