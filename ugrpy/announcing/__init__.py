"""What do people and calendars say about endpoints, and how do all workers of a host hear of it at once?

``words`` has what can be said, pure; ``desk`` is where it is kept and passed on; the other modules read calendars.
"""
