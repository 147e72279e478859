"""The benchmark: the guard beside an empty webhook, over TLS and through a real API server."""
