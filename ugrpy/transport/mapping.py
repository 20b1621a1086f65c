"""The seam where aiohttp's exceptions become ours."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp

from ugrpy.core.errors import EndpointError, Malformed, TimedOut, Unreachable


@contextmanager
def endpoint_errors(endpoint: str, doing: str) -> Iterator[None]:
    """Turn what goes wrong inside into ``TimedOut``, ``Unreachable`` or ``Malformed``; let cancellation pass."""
    try:
        yield
    except EndpointError:
        raise
    except aiohttp.ConnectionTimeoutError as error:
        raise TimedOut(f"{doing}: connecting took too long", endpoint=endpoint) from error
    except (TimeoutError, aiohttp.ServerTimeoutError) as error:
        raise TimedOut(f"{doing}: {str(error) or 'took too long'}", endpoint=endpoint) from error
    except aiohttp.ClientConnectorDNSError as error:
        raise Unreachable(
            f"{doing}: the host name {error.host} is unknown", endpoint=endpoint
        ) from error
    except (aiohttp.ClientSSLError, ssl.SSLError) as error:
        raise Unreachable(f"{doing}: TLS failed: {_short(error)}", endpoint=endpoint) from error
    except aiohttp.ClientConnectorError as error:
        reason = error.os_error.strerror or _short(error.os_error)
        raise Unreachable(f"{doing}: {reason.lower()}", endpoint=endpoint) from error
    except (aiohttp.ClientPayloadError, aiohttp.ClientResponseError, aiohttp.InvalidURL) as error:
        raise Malformed(f"{doing}: {_short(error)}", endpoint=endpoint) from error
    except (aiohttp.ClientConnectionError, OSError, asyncio.IncompleteReadError) as error:
        raise Unreachable(f"{doing}: {_short(error)}", endpoint=endpoint) from error


def _short(error: BaseException) -> str:
    """One line for people, without the library's nesting."""
    return (str(error) or type(error).__name__).splitlines()[0][:200]
