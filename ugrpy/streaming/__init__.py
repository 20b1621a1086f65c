"""Bytes through the gateway, for clients that cannot be redirected.

``policy`` says which requests those are, ``agreeing`` whether an answer of a storage holds the bytes that are wanted, and ``source`` reads a
file piece by piece from whichever replica gives it.
"""

from ugrpy.streaming.policy import Asked, Direction, StreamingSettings, Way, streams, way
from ugrpy.streaming.source import Source, Stale

__all__ = ["Asked", "Direction", "Source", "Stale", "StreamingSettings", "Way", "streams", "way"]
