"""Who may have work done now, who waits for a turn, and who is told to come back?

Redirects of remembered names never come here. What makes endpoints work does: names and listings that nobody remembers, changes,
copies and streams. Nothing is held back while there is room; when there is none, the room is shared among the networks that clients come
from, and not among requests, so that one network's flood is that network's wait.

- ``flows``, ``share``: the machine. What is at work, what waits, who is next, who is refused.
- ``rates``: how often one network may ask, where an operator limits that.
- ``gate``: waits for a turn of the machine; the one place here with futures in it.
- ``admission``: the gateway's own gate. ``turns``: one endpoint's.
- ``asker``: for which network a task works. ``usage``: what each network had of all this.
"""
