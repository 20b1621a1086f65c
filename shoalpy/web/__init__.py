"""What the server answers over HTTP: version 1 for old clients, version 2, the page for people, and the paths others deliver."""
