"""Which answers outlive the process? What was known last of names and collections, in a database beside the journal.

Written behind everybody's back and read only when no endpoint can say. Losing it costs answers during an outage, and nothing else, so nothing ever waits or
fails for its sake.
"""

from ugrpy.past.keeping import Keeping
from ugrpy.past.store import Store, open_store

__all__ = ["Keeping", "Store", "open_store"]
