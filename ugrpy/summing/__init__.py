"""Which checksum has a file, and are its replicas really the same?

``core`` is the facade: what is known already, else whoever can tell is asked (``sources``: the storages, an external ``command``, or the bytes
themselves, ``computing``). ``comparing`` asks the other replicas behind the clients' backs. What was learnt is kept by ``keeping`` in ``store``,
for all workers of the host and for the next start.
"""

from ugrpy.summing.core import Answered, Summing
from ugrpy.summing.settings import SumSettings
from ugrpy.summing.store import Store

__all__ = ["Answered", "Store", "SumSettings", "Summing"]
