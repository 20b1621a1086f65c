"""How long is an endpoint worth waiting for, once somebody else has answered?

A nearer endpoint that has not spoken yet may be worth a moment, since the client will read gigabytes from whoever
is chosen. How long depends on how fast it usually is: one that answers in 5 ms and is silent for 100 ms is in
trouble, one across an ocean is not. So the wait is four times the usual latency, never more than the gateway's
hedge delay. An endpoint that let the wait run out several times in a row is *sluggish* and is not waited for at all;
it is still asked, and one prompt answer clears it.

A prompt answer is one within the wait that was granted before it came. Measured against its own latency alone, an
endpoint that always takes two seconds would clear itself with every late answer.

One that is prompt two times in three, and late or of no use the third, never has several in a row, and would cost every third client the
wait. So the share of such answers counts as well, and it takes a row of prompt ones until it is small again.
"""

import math

# Below this the scheduling of our own process decides, not the endpoint.
SHORTEST_WAIT_S = 0.02
# Latencies have long tails: with an exponential tail, four times the mean leaves two in a hundred answers behind.
TIMES_USUAL = 4.0
# Weight of the newest latency: the mean follows a lasting change within about ten answers.
NEWEST_WEIGHT = 0.2
# Weight of the newest answer in the share of the bad ones: some thirty answers count.
NEWEST_SHARE = 1 / 32
# More than this is unreliable, until it is less than that: an honest tail is 0.02, and ten bad answers in one bad second make 0.27.
UNRELIABLE_SHARE, RELIABLE_SHARE = 0.2, 0.1
# The default of FanoutPolicy.hedge_s, for callers that do not say how long they would have waited at most.
USUAL_CAP_S = 0.25


class Pace:
    """One endpoint's usual latency, its row of missed waits, and its share of bad answers."""

    __slots__ = (
        "_bad_share",
        "_cap_s",
        "_measured",
        "latency_s",
        "slow_after",
        "stalls",
        "unreliable",
    )

    def __init__(self, slow_after: int) -> None:
        self.slow_after = slow_after
        self.latency_s: float | None = None
        self.unreliable = False
        self.stalls = 0
        self._bad_share = 0.0
        self._cap_s = math.inf
        self._measured = False

    @property
    def sluggish(self) -> bool:
        """Whether nobody waits for it."""
        return self.stalls >= self.slow_after or self.unreliable

    def answered(self, latency_s: float) -> None:
        """An operation was answered after ``latency_s``."""
        prompt = latency_s <= self._usual_wait_s(self._cap_s)
        if prompt:
            self.stalls = 0
        self._weigh(bad=not prompt)
        if self.latency_s is None or not self._measured:
            self.latency_s = latency_s
        else:
            self.latency_s += NEWEST_WEIGHT * (latency_s - self.latency_s)
        self._measured = True

    def failed(self) -> None:
        """An operation came to nothing usable."""
        self._weigh(bad=True)

    def seeded(self, latency_s: float) -> None:
        """A probe was answered: a first guess, which the first real operation replaces."""
        if not self._measured:
            self.latency_s = latency_s

    def stalled(self, cap_s: float) -> None:
        """A client was answered without this endpoint; the wait would have been ``cap_s`` at most."""
        self._cap_s = cap_s
        self.stalls += 1

    def patience_s(self, cap_s: float) -> float:
        """How long a client waits for this endpoint when another answer is there."""
        return 0.0 if self.sluggish else self._usual_wait_s(cap_s)

    def forget(self) -> None:
        """Start afresh: what was known dates from before an outage."""
        self.latency_s = None
        self.unreliable = False
        self.stalls = 0
        self._bad_share = 0.0
        self._measured = False

    def _weigh(self, *, bad: bool) -> None:
        self._bad_share += NEWEST_SHARE * (bad - self._bad_share)
        limit = RELIABLE_SHARE if self.unreliable else UNRELIABLE_SHARE
        self.unreliable = self._bad_share > limit

    def _usual_wait_s(self, cap_s: float) -> float:
        if self.latency_s is None:
            return cap_s
        return min(cap_s, max(SHORTEST_WAIT_S, TIMES_USUAL * self.latency_s))

    def __repr__(self) -> str:
        usual = "unknown" if self.latency_s is None else f"{self.latency_s * 1000:.0f} ms"
        return f"<Pace {usual}, {self.stalls} stalls{', sluggish' if self.sluggish else ''}>"
