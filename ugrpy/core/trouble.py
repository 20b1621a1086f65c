"""What went wrong behind a gateway, by the names that RFC 9209 section 2.3 gives it, and the reasons that carry such a name.

People are told in words; ``Proxy-Status`` tells programs by these names. Only those are here that this gateway can tell apart.
"""

from enum import StrEnum


class Trouble(StrEnum):
    """A proxy error type."""

    DNS_ERROR = "dns_error"
    """The host name cannot be resolved."""
    DESTINATION_UNAVAILABLE = "destination_unavailable"
    """Not asked, or busy: held to be unable to answer now (section 2.3.4 leaves it to our judgement)."""
    DESTINATION_IP_PROHIBITED = "destination_ip_prohibited"
    """The address is one that this gateway may not connect to."""
    CONNECTION_REFUSED = "connection_refused"
    CONNECTION_TERMINATED = "connection_terminated"
    CONNECTION_TIMEOUT = "connection_timeout"
    """No connection in time."""
    TLS_PROTOCOL_ERROR = "tls_protocol_error"
    TLS_CERTIFICATE_ERROR = "tls_certificate_error"
    HTTP_REQUEST_DENIED = "http_request_denied"
    """Refused by this gateway's own rules."""
    HTTP_RESPONSE_TIMEOUT = "http_response_timeout"
    """Silent for too long."""
    HTTP_RESPONSE_INCOMPLETE = "http_response_incomplete"
    """It failed; the registry has no name for an answer by 5xx."""
    HTTP_PROTOCOL_ERROR = "http_protocol_error"
    """What came is not what the protocol allows."""
    PROXY_INTERNAL_ERROR = "proxy_internal_error"
    """This gateway made a mistake."""


class Reason(str):
    """Why something of an endpoint is missing, in words for clients, with what programs are told of it.

    ``trouble`` is ``None`` where nothing failed that has a name; ``status`` is what the endpoint answered, 0 when that is not told.
    Once it is only text (written down, or sent elsewhere) it is a reason all the same.
    """

    __slots__ = ("status", "trouble")

    trouble: Trouble | None
    status: int

    def __new__(
        cls,
        text: str,
        trouble: Trouble | None = Trouble.DESTINATION_UNAVAILABLE,
        *,
        status: int = 0,
    ) -> "Reason":
        """The words, and what goes with them."""
        reason = super().__new__(cls, text)
        reason.trouble = trouble
        reason.status = status
        return reason


def reason_from(text: str) -> Reason:
    """The reason that these words are; of mere words it is not known what lies behind them."""
    return text if isinstance(text, Reason) else Reason(text)
