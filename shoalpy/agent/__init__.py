"""The agent: it stands beside a cache, sees that it works, and tells the server and the local network of it. Start reading at ``run``."""
