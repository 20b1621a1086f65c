"""How is a metalink 4 written? (RFC 5854)

Sample::

    <metalink xmlns="urn:ietf:params:xml:ns:metalink">
      <generator>ugrpy</generator><published>2024-02-29T12:34:56Z</published>
      <file name="f.root"><size>12</size><hash type="sha-256">...</hash>
        <url location="ca" priority="1">https://se.uvic.example/f.root</url></file></metalink>
"""

from datetime import UTC, datetime

from ugrpy.metalink.document import (
    LOWEST_PRIORITY,
    Document,
    MetalinkReplica,
    escape,
    location_attribute,
)

NAMESPACE = "urn:ietf:params:xml:ns:metalink"


def render_metalink4(document: Document) -> bytes:
    """The document as ``application/metalink4+xml``, UTF-8; replicas best first."""
    lines = [
        f'<?xml version="1.0" encoding="UTF-8"?>\n<metalink xmlns="{NAMESPACE}">\n<generator>ugrpy</generator>\n'
    ]
    if document.published_s is not None:
        lines.append(f"<published>{_date(document.published_s)}</published>\n")
    lines.append(f'<file name="{escape(document.name)}">\n')
    if document.size_bytes is not None:
        lines.append(f"<size>{document.size_bytes}</size>\n")
    lines += [
        f'<hash type="{digest.algorithm}">{escape(digest.value)}</hash>\n'
        for digest in document.named_digests()
    ]
    lines += [_url(replica) for replica in document.best_first()]
    lines.append("</file>\n</metalink>\n")
    return "".join(lines).encode()


def _url(replica: MetalinkReplica) -> str:
    priority = min(max(replica.priority, 1), LOWEST_PRIORITY)  # RFC 5854 section 4.2.16
    location = location_attribute(replica.country)
    return f'<url{location} priority="{priority}">{escape(replica.url)}</url>\n'


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
