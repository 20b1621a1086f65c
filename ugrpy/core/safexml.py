"""XML from strangers: read without entities, document types or the network, and within libxml2's own limits."""

from typing import TypedDict

from lxml import etree

from ugrpy.core.errors import DataError


class ParserOptions(TypedDict):
    """What lxml's parsers take."""

    resolve_entities: bool
    no_network: bool
    load_dtd: bool
    dtd_validation: bool
    huge_tree: bool
    remove_comments: bool
    remove_pis: bool


# For every parser we make; comments and processing instructions say nothing to us.
SAFE_OPTIONS: ParserOptions = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}


def parse_document(data: bytes, what: str) -> etree._Element:
    """The root element of a whole document; ``what`` names it in messages.

    Raises ``DataError`` when it is not well-formed, with the position, or declares a document type.
    """
    try:
        root = etree.fromstring(data, etree.XMLParser(**SAFE_OPTIONS))
    except etree.XMLSyntaxError as error:
        raise DataError(f"{what} is not well-formed XML: {error.msg}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise DataError(f"{what} has a document type declaration; none is allowed")
    return root
