"""For which network is this task working? What asks an endpoint on a client's behalf reads it here, however deep down it is.

Tasks inherit it from whoever starts them. A question that several clients share goes on the account of the one who asked first.
"""

from contextvars import ContextVar

# The gateway's own work, such as following up uploads.
ITSELF = "the gateway itself"

_network: ContextVar[str] = ContextVar("network", default=ITSELF)

current_network = _network.get
"""The network whose work this is."""

work_for = _network.set
"""From now on this task works for that network; undone by ``work_for_others``."""

work_for_others = _network.reset
