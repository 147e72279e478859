"""The demo: a person tunes the CNI of a real cluster, and the guard stands in front of it."""
