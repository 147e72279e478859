"""The commands: each module has `add`, which defines the flags, and `run`, which returns the exit code."""
