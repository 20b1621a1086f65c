"""How do heartbeats come in? Through a message broker (``amqp``) or signed over HTTPS (``https``); both end in ``taking``."""
