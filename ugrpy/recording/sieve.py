"""Which blocks of a file cannot hold what is looked for? A Bloom filter over the paths and the clients of each block.

A token is the text of a path and of each collection above it, or of a client's address and of the two networks around it, so that
a question for a subtree or for a network finds its blocks as well. The filter has eight to sixteen bits a token, as it takes to make their number a power of two, up to ``MOST_BITS``; two
probes then let 1 to 5 % of the wrong blocks through. The two are the halves of a CRC-32, which is the same in every process, as Python's own hash is not; a cryptographic one
takes several times as long, and it is the gateway that pays.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from zlib import crc32

Network = IPv4Network | IPv6Network

BITS_PER_TOKEN = 8
# A path of thousands of levels would cost thousands of tokens, and anybody may ask for one.
MOST_LEVELS = 24
LEAST_BITS, MOST_BITS = 64, 65_536
# Around an address of each version; a question for a wider network looks into every block.
AROUND = {4: (24, 16), 6: (48, 32)}
# Clients come back: their tokens are worked out once.
CLIENTS_KEPT = 20_000


def make_sieve(tokens: Iterable[str]) -> bytes:
    """The filter that lets these tokens through."""
    hashes = {crc32(token.encode("utf-8", "surrogatepass")) for token in tokens}
    wanted = min(max(len(hashes) * BITS_PER_TOKEN, LEAST_BITS), MOST_BITS)
    size = 1 << (wanted - 1).bit_length()
    bits, mask = bytearray(size >> 3), size - 1
    for number in hashes:
        first, second = number & mask, number >> 16 & mask
        bits[first >> 3] |= 1 << (first & 7)
        bits[second >> 3] |= 1 << (second & 7)
    return bytes(bits)


def may_hold(sieve: bytes, token: str) -> bool:
    """Whether the token may be among those of the filter; never a wrong no."""
    number, mask = crc32(token.encode("utf-8", "surrogatepass")), len(sieve) * 8 - 1
    return all(sieve[at >> 3] & (1 << (at & 7)) for at in (number & mask, number >> 16 & mask))


def add_path_tokens(tokens: set[str], path: str) -> None:
    """Add the tokens of a path: itself, and what is above it but for the root, which is above everything, and what is below ``MOST_LEVELS``."""
    if path.count("/") > MOST_LEVELS:
        tokens.add(path)
        path = "/".join(path.split("/", MOST_LEVELS + 1)[: MOST_LEVELS + 1])
    while len(path) > 1 and path not in tokens:
        tokens.add(path)
        path = path[: path.rfind("/")]


def path_token(path: str, *, below: bool) -> str | None:
    """The token that every block with this path has, or with one below it; ``None`` when that does not tell."""
    return None if below and path.count("/") > MOST_LEVELS else path


@lru_cache(maxsize=CLIENTS_KEPT)
def client_tokens(client: str) -> tuple[str, ...]:
    """The tokens of a client as it was recorded: an address, or a network when no more of it is kept."""
    network = parse_network(client)
    if network is None:
        return (client,)
    around = [bits for bits in AROUND[network.version] if network.prefixlen >= bits]
    nets = (network.supernet(new_prefix=bits) for bits in around)
    return client, *map(str, nets)


def network_token(network: Network, kept_bits: int) -> str | None:
    """The token that every block with a client in this network has, if it keeps so many bits of addresses; ``None`` when that does not tell."""
    if network.prefixlen == network.max_prefixlen <= kept_bits:
        return str(network.network_address)
    for bits in AROUND[network.version]:
        if network.prefixlen >= bits and kept_bits >= bits:
            return str(network.supernet(new_prefix=bits))
    return None


def kept_bits(clients: Iterable[str]) -> dict[str, int]:
    """The fewest bits that are kept of any client's address, by version of the protocol (``"4"``, ``"6"``)."""
    fewest: dict[str, int] = {}
    for client in clients:
        if (network := parse_network(client)) is not None:
            version = str(network.version)
            fewest[version] = min(network.prefixlen, fewest.get(version, network.prefixlen))
    return fewest


@lru_cache(maxsize=CLIENTS_KEPT)
def parse_network(text: str) -> Network | None:
    """The network of an address or a CIDR prefix; ``None`` for other text."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
