"""Reads the facts of a cluster from its API server, once or forever. Nothing here is in the path of a request."""
