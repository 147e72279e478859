"""What a run found, and its formats: each a pure render."""
