"""shoalpy: which squid is nearest, and does it work?

The job is the registry of HTTP caches: agents report their squids, and clients ask which one is nearest and works,
through REST, WPAD/PAC and the CVMFS Geo-API. It replaces shoal's server, agent and client, WLCG WPAD and the CVMFS
Geo-API.

Where to start: ``model`` for the words, ``registry`` for the table, ``ranking`` for the decision, ``assembly`` for how the server is put together.
"""
