"""What turns handlers into a service: the server and its protocol, workers, metrics, logs. Shared by all four packages."""
