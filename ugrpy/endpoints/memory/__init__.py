"""The reference implementation of the endpoint contract: a tree in memory. Read it first; copy it to start a new kind."""

from ugrpy.endpoints.memory.endpoint import MemoryEndpoint

__all__ = ["MemoryEndpoint"]
