"""The one place where rules run: evaluate a change, and add approved defaults to it."""
