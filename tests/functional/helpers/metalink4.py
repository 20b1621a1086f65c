"""Is this a valid metalink 4 document? RFC 5854 section 4 as a RELAX NG grammar, written from the text of the clauses.

Element and attribute names, their number and the form of their values; the rules a grammar cannot say (file names that
are relative and stay below the directory: section 4.1.2.1) are checked beside it.
"""

from pathlib import PurePosixPath

from lxml import etree

_COUNTRY = "[A-Za-z]{2}"
_NUMBER = "[0-9]+"
_DATE = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+\-][0-9]{2}:[0-9]{2})"
)
_PRIORITY = "[1-9][0-9]{0,5}"


def _text(name: str, pattern: str = "") -> str:
    if not pattern:
        return f'<element name="{name}"><text/></element>'
    return f'<element name="{name}">{_matching(pattern)}</element>'


def _matching(pattern: str) -> str:
    return f'<data type="string"><param name="pattern">{pattern}</param></data>'


def _attribute(name: str, pattern: str = "") -> str:
    value = _matching(pattern) if pattern else "<text/>"
    return f'<attribute name="{name}">{value}</attribute>'


def _optional(content: str) -> str:
    return f"<optional>{content}</optional>"


def _any_number(content: str) -> str:
    return f"<zeroOrMore>{content}</zeroOrMore>"


_URL = f"""<element name="url">{_optional(_attribute("location", _COUNTRY))}
  {_optional(_attribute("priority", _PRIORITY))}<data type="anyURI"/></element>"""

_METAURL = f"""<element name="metaurl">{_optional(_attribute("priority", _PRIORITY))}
  {_attribute("mediatype")}{_optional(_attribute("name"))}<data type="anyURI"/></element>"""

_HASH = f'<element name="hash">{_attribute("type")}{_matching("[0-9a-f]+")}</element>'

_PIECES = f"""<element name="pieces">{_attribute("length", _NUMBER)}{_attribute("type")}
  <oneOrMore><element name="hash">{_matching("[0-9a-f]+")}</element></oneOrMore></element>"""

_FILE = f"""<element name="file">{_attribute("name", ".+")}<interleave>
  {_optional(_text("copyright"))}{_optional(_text("description"))}{_optional(_text("identity"))}
  {_optional(_text("version"))}{_optional(_text("logo"))}{_optional(_text("size", _NUMBER))}
  {_any_number(_text("language"))}{_any_number(_text("os"))}
  {_optional(f'<element name="publisher">{_attribute("name")}{_optional(_attribute("url"))}</element>')}
  {_optional(f'<element name="signature">{_attribute("mediatype")}<text/></element>')}
  {_any_number(_HASH)}{_any_number(_PIECES)}{_any_number(_METAURL)}{_any_number(_URL)}
</interleave></element>"""

_GRAMMAR = f"""<element name="metalink" xmlns="http://relaxng.org/ns/structure/1.0"
  ns="urn:ietf:params:xml:ns:metalink"
  datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes"><interleave>
  {_optional(_text("generator"))}{_optional(_text("published", _DATE))}{_optional(_text("updated", _DATE))}
  {_optional(f'<element name="origin">{_optional(_attribute("dynamic", "true|false"))}<data type="anyURI"/></element>')}
  <oneOrMore>{_FILE}</oneOrMore>
</interleave></element>"""

_SCHEMA = etree.RelaxNG(etree.fromstring(_GRAMMAR))


def check_metalink4(body: bytes) -> None:
    """Raises ``AssertionError`` that says what is wrong; a file needs at least one URL to be of use (section 4.1.2)."""
    root = etree.fromstring(body)
    assert _SCHEMA.validate(root), _SCHEMA.error_log
    space = {"m": "urn:ietf:params:xml:ns:metalink"}
    for file in root.iterfind("m:file", space):
        name = PurePosixPath(file.get("name") or "")
        assert not name.is_absolute()
        assert ".." not in name.parts
        assert file.find("m:url", space) is not None or file.find("m:metaurl", space) is not None
