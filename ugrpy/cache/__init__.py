"""What the gateway remembers and for how long. Pure: time is passed in."""
