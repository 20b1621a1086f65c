"""``shoalpy demo``: three caches in three places, a VM in each, and a squid that stops."""
