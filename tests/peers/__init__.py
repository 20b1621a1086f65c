"""Real servers and clients for the tests: found, started, called and stopped here, and recorded as used."""
