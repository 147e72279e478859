"""The served webhook, over real TLS."""
