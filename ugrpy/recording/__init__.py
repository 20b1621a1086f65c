"""Why was that client sent there, last night, and would it be today? The flight recorder.

``recorder`` takes decisions while the gateway works, ``packing`` makes them small, ``frames`` and ``ring`` keep them on disk. ``reading`` finds them again and ``replay``
makes them once more, under the rules of then (``rules``) or others.
"""

from ugrpy.recording.flights import Among, Flight
from ugrpy.recording.recorder import Decided, Recorder, RecordingPlace
from ugrpy.recording.rules import Ruled, Rules
from ugrpy.recording.settings import RecordingSettings

__all__ = [
    "Among",
    "Decided",
    "Flight",
    "Recorder",
    "RecordingPlace",
    "RecordingSettings",
    "Ruled",
    "Rules",
]
