"""Metalinks: lists of replicas as XML (versions 3 and 4) and as Link headers, and who wants one. Pure."""
