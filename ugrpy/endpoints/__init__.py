"""Storage elements: one folder a kind, one contract (``base``), one conformance suite.

The first one to read is ``memory``. A kind translates and nothing else: it neither caches, ranks nor retries.
"""
