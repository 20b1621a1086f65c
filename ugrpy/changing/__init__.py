"""Everything that changes the namespace: uploads placed and followed up, deletions, collections, moves and copies.

``core`` is the entry for those who answer clients. ``ground`` is what all changes share: they are written down, readers see through them,
and what anybody remembered of a name is forgotten before the client hears that it is done. ``steward`` finishes what outlasts a request.
"""

from ugrpy.changing.core import Changing
from ugrpy.changing.ground import ChangeSettings, Ground, News
from ugrpy.changing.streamed import Content
from ugrpy.changing.uploads import Placed, Wanted

__all__ = ["ChangeSettings", "Changing", "Content", "Ground", "News", "Placed", "Wanted"]
