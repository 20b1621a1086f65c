"""May one more question be put that nobody would need if all went well?

Second questions help against a slow answer now and then. When everything is slow they are a load on top of the load, and the reason that it
stays slow. So they may be a small share of the questions of the last seconds and no more: the storage sees a few in a hundred
at worst, whatever happens. A quiet gateway may put one now and then all the same, or its one slow answer an hour would be waited for.

Sources: Dean and Barroso, "The Tail at Scale" (2013), who hedge after the p95 for the same bound; the retry budgets of Finagle and Envoy.
"""

# Questions are counted by the second, and this many seconds count together.
WINDOW_S = 10
# Granted in each window however few questions there are.
AT_LEAST = 1


class Budget:
    """Counts questions and the second ones among them; ``share`` of them is allowed."""

    __slots__ = ("_asked", "_extra", "_second", "share")

    def __init__(self, share: float) -> None:
        self.share = share
        self._asked = [0] * WINDOW_S
        self._extra = [0] * WINDOW_S
        self._second = 0

    def __repr__(self) -> str:
        return f"<Budget of {self.share:.0%}: {sum(self._extra)} of {sum(self._asked)}>"

    def asked(self, now_s: float) -> None:
        """A question has been put."""
        self._move(now_s)
        self._asked[self._second % WINDOW_S] += 1

    def grant(self, now_s: float) -> bool:
        """Whether a second one may be put; if so it is counted."""
        self._move(now_s)
        if not self.share:
            return False
        if sum(self._extra) >= max(AT_LEAST, int(self.share * sum(self._asked))):
            return False
        self._extra[self._second % WINDOW_S] += 1
        return True

    def _move(self, now_s: float) -> None:
        """Forget the seconds that lie behind the window."""
        second = int(now_s)
        if second <= self._second:
            return
        for gone in range(max(self._second + 1, second - WINDOW_S + 1), second + 1):
            self._asked[gone % WINDOW_S] = self._extra[gone % WINDOW_S] = 0
        self._second = second
