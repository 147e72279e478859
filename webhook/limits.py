"""All limits on what a peer may send, keep open or cause to be logged, with units and reasons."""

# One review

BODY_LIMIT = 7 * 2**20
"""Bytes of a review: an API server accepts requests of 3 MiB, and an update includes the old object too."""

VALUES_LIMIT = 600_000
"""Values and keys of a review, counted as separators and brackets.

The densest object of 1.5 MiB, etcd's limit, holds lists of short entries and their managed fields, with one separator
or bracket in five bytes; an update includes two such objects. Decoded, that many values take about 60 MiB.
"""

DEPTH_LIMIT = 500
"""Levels of nesting. A review of aws-node has 17; every supported Python version can decode 500."""

UID_LIMIT = 128
"""Characters of a UID: an API server sends 36."""

NAMED_DUPLICATE_LIMIT = 256 * 2**10
"""Bytes of a body that is searched for the name of a duplicate key; the search is slow."""

EVALUATION_SECONDS = 0.5
"""Seconds of CPU time to decode and evaluate one review, a last resort: the largest one needs a fifth of it."""

# Bodies in flight

NORMAL_BODY = 256 * 2**10
"""Maximum bytes of a review of normal size, which is read even under load."""

IN_FLIGHT_LIMIT = 16 * 2**20
"""Bytes of unfinished requests held at once, counted as they arrive: enough for two of the largest reviews.

With two, a slow large review does not block another. Decoding and evaluating a complete body takes the most memory,
but only one is processed at a time, since no other greenlet runs meanwhile.
"""

PEER_SHARE = IN_FLIGHT_LIMIT // 2
"""Bytes of unfinished requests of one peer: enough for the largest review, and others."""

YOUNG_SECONDS = 2.0
"""Seconds in which a body of normal size does not give way; an API server gives up soon after (3 s)."""

TURN_BYTES = 2**16
"""Bytes read from one connection before the others get a turn."""

# Connections

CONNECTIONS_LIMIT = 1000
"""Open connections. An idle one takes about 30 KiB."""

BACKLOG = 4096
"""Connections that wait to be accepted, Linux's default maximum. A client retries a dropped one after a second."""

PEER_LIMIT = 250
"""Connections of one peer that have not delivered a review; never more than half of all connections.

An API server keeps up to 25 for each endpoint.
"""

SPARE_DESCRIPTORS = 128
"""Open files beside the counted connections: the log, files being read, connections being closed."""

HANDSHAKE_SECONDS = 5.0
"""Seconds for the TLS handshake, from when the connection is accepted."""

HEAD_SECONDS = 10.0
"""Seconds for the head of a request, from its first byte."""

REQUEST_SECONDS = 10.0
"""Seconds to read the body, evaluate and answer: longer than an API server waits (3 s in our configurations)."""

KEEP_SECONDS = 120
"""Seconds that an idle connection is kept: a Go client closes it after 90, so it never sends while we close."""

DRAIN_BYTES = 16 * 2**20
"""Bytes of an unwanted body that are read and discarded, so that the client sees the response (413)."""

DRAIN_SECONDS = 1.0
"""Seconds that a failed connection is read before it is closed, so that the client sees the response."""

# The stop

LINGER_SECONDS = 3.0
"""Seconds after SIGTERM in which the port stays open and open connections may send requests."""

LAST_HANDSHAKE_SECONDS = 0.25
"""Seconds for TCP handshakes in progress to complete before the port closes."""

# The log

LINES_BURST = 50
LINES_EACH_SECOND = 5
"""Log lines of one kind: a burst, then a rate per second; the rest is dropped and counted."""

DECISIONS_BURST = 1000
DECISIONS_EACH_SECOND = 100
"""Log lines of decisions: several times as many as the API servers of a cluster can request."""

LINE_KINDS = 64
"""Kinds of log lines with their own allowance; all others share one."""

SUMMARY_SECONDS = 60.0
"""Seconds between two summaries of refused connections."""

# Texts

DENIAL_LENGTH = 2048
"""Characters of one line of a denial."""

DENIALS_LENGTH = 32 * 1024
"""Characters of a whole denial."""
