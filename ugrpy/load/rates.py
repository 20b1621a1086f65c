"""How often may one network ask? A token bucket for each; those that are full again are the ones that are forgotten."""

from collections import OrderedDict

# A bucket takes some 200 bytes. Beyond so many, the one that was asked longest ago starts anew, which is to its advantage.
MOST_BUCKETS = 65_536


class Rates:
    """``rate_per_s`` tokens come in a second, ``burst`` fit in."""

    def __init__(self, rate_per_s: float, burst: float, most: int = MOST_BUCKETS) -> None:
        self._rate_per_s = rate_per_s
        self._burst = max(1.0, burst)
        self._most = most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<Rates {self._rate_per_s:g}/s, {len(self._buckets)} buckets>"

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, network: str, now: float) -> float:
        """0 when there was a token, and it is taken; else the seconds until there will be one."""
        tokens, at_s = self._buckets.pop(network, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at_s) * self._rate_per_s)
        missing = max(0.0, 1.0 - tokens)
        self._buckets[network] = (tokens if missing else tokens - 1.0, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return missing / self._rate_per_s
