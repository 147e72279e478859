"""The commands, a file for each with `add` (its flags) and `run` (its exit code); imported when it is called."""
