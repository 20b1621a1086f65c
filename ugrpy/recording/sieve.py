"""Which blocks of a file cannot hold what is looked for? A Bloom filter over the paths and the clients of each block.

A token is the text of a path and of each collection above it, or of a client's address and of the two networks around it, so that
a question for a subtree or for a network finds its blocks as well. Ten bits a token and four probes let 1.2 % of the wrong blocks through.
The hash is BLAKE2b, since it is the same in every process, which Python's own is not.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network

BITS_PER_TOKEN = 10
PROBES = 4
# Around an address of each version; a question for a wider network looks into every block.
AROUND = {4: (24, 16), 6: (48, 32)}


def make_sieve(tokens: Iterable[str]) -> bytes:
    """The filter that lets these tokens through."""
    distinct = set(tokens)
    size = max(8, (len(distinct) * BITS_PER_TOKEN + 7) // 8)
    bits = bytearray(size)
    for token in distinct:
        for at in _probes(token, size * 8):
            bits[at >> 3] |= 1 << (at & 7)
    return bytes(bits)


def may_hold(sieve: bytes, token: str) -> bool:
    """Whether the token may be among those of the filter; never a wrong no."""
    return all(sieve[at >> 3] & (1 << (at & 7)) for at in _probes(token, len(sieve) * 8))


def path_tokens(path: str) -> Iterator[str]:
    """The tokens of a path: itself and what is above it, but for the root, which is above everything."""
    while len(path) > 1:
        yield "p" + path
        path = path[: path.rfind("/")]


def client_tokens(client: str) -> Iterator[str]:
    """The tokens of a client as it was recorded: an address, or a network when no more of it is kept."""
    yield "c" + client
    network = parse_network(client)
    if network is not None:
        for bits in AROUND[network.version]:
            if network.prefixlen >= bits:
                yield "c" + str(network.supernet(new_prefix=bits))


def network_token(network: Network, kept_bits: int) -> str | None:
    """The token that every block with a client in this network has, if it keeps so many bits of addresses; ``None`` when that does not tell."""
    if network.prefixlen == network.max_prefixlen <= kept_bits:
        return f"c{network.network_address}"
    for bits in AROUND[network.version]:
        if network.prefixlen >= bits and kept_bits >= bits:
            return "c" + str(network.supernet(new_prefix=bits))
    return None


def kept_bits(clients: Iterable[str]) -> dict[str, int]:
    """The fewest bits that are kept of any client's address, by version of the protocol (``"4"``, ``"6"``)."""
    fewest: dict[str, int] = {}
    for client in clients:
        if (network := parse_network(client)) is not None:
            version = str(network.version)
            fewest[version] = min(network.prefixlen, fewest.get(version, network.prefixlen))
    return fewest


@lru_cache(maxsize=10_000)
def parse_network(text: str) -> Network | None:
    """The network of an address or a CIDR prefix; ``None`` for other text."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _probes(token: str, bits: int) -> Iterator[int]:
    digest = blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    first, step = int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little") | 1
    return ((first + turn * step) % bits for turn in range(PROBES))
