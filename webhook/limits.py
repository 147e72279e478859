"""Every limit on what a peer may send, hold open or have logged: its value, its unit and the reason for it."""

# One review

BODY_LIMIT = 7 * 2**20
"""Bytes of a review: an API server takes requests of 3 MiB, and an update carries the old object too."""

VALUES_LIMIT = 600_000
"""Values and keys of a review, counted as separators and brackets.

The densest that an object of 1.5 MiB holds, which is what etcd takes, are lists of short entries and the managed fields
for them, with one mark in five bytes; an update carries two such objects. Built, that many take about 60 MiB.
"""

DEPTH_LIMIT = 500
"""Levels of nesting. A review of aws-node has 17; every interpreter that the guard runs on reads 500."""

UID_LIMIT = 128
"""Characters of a uid: an API server sends 36."""

NAMED_DUPLICATE_LIMIT = 256 * 2**10
"""Bytes of a body in which a key that occurs twice is searched for, to name it: the search is slow."""

EVALUATION_SECONDS = 0.5
"""Seconds of CPU time to read and evaluate one review, the last net: the largest that is taken needs a fifth of it."""

# Bodies in flight

NORMAL_BODY = 256 * 2**10
"""Bytes that a review of normal size has at most; it is read whatever else arrives."""

IN_FLIGHT_LIMIT = 16 * 2**20
"""Bytes of unfinished requests that are held at once, counted as they arrive: two of the largest reviews.

Two, so that one that comes slowly keeps no other large one waiting. What takes most memory, the building and evaluating
of a body that is whole, is done for one at a time, whatever its size: it lets no other greenlet go on.
"""

PEER_SHARE = IN_FLIGHT_LIMIT // 2
"""Bytes of unfinished requests that one peer may hold: room for a largest review, and for others."""

YOUNG_SECONDS = 2.0
"""A body of normal size gives way to no other for so long; an API server gives up on it soon after (3 s)."""

TURN_BYTES = 2**16
"""Bytes that are read from one connection before the others have a turn."""

# Connections

CONNECTIONS_LIMIT = 1000
"""Open connections. Idle, each takes about 30 KiB."""

BACKLOG = 4096
"""Connections that wait to be accepted; Linux has no more by default. One beyond them is tried again after a second."""

PEER_LIMIT = 250
"""Connections of one peer that have not carried a review, and never more than half the pool.

An API server pools up to 25 for each endpoint.
"""

SPARE_DESCRIPTORS = 128
"""Open files beside the connections that count: the log, files that are read, connections that are being closed."""

HANDSHAKE_SECONDS = 5.0
"""Seconds for the TLS handshake, from the moment the connection is accepted."""

HEAD_SECONDS = 10.0
"""Seconds for the head of a request, from its first byte."""

REQUEST_SECONDS = 10.0
"""Seconds to read the body, evaluate and answer: longer than an API server waits (3 s where we register)."""

KEEP_SECONDS = 120
"""Seconds that a silent connection is kept: a Go client closes it itself after 90, and never sends into our close."""

DRAIN_BYTES = 16 * 2**20
"""Bytes of a body that were not read, taken off the connection so that the client sees the answer (413)."""

DRAIN_SECONDS = 1.0
"""Seconds that a connection which is closed after an error is still read, so that the client sees the answer."""

# The stop

LINGER_SECONDS = 3.0
"""Seconds that the port stays open after SIGTERM, and that a connection may still bring a request."""

LAST_HANDSHAKE_SECONDS = 0.25
"""Seconds in which connections that were begun before the port closes reach it."""

# The log

LINES_BURST = 50
LINES_EACH_SECOND = 5
"""Log lines of one kind: a burst, and then so many each second; the others are counted."""

DECISIONS_BURST = 1000
DECISIONS_EACH_SECOND = 100
"""Log lines of decisions: several times what the API servers of a cluster can ask for."""

LINE_KINDS = 64
"""Kinds of log lines that are told apart; all others share one allowance."""

SUMMARY_SECONDS = 60.0
"""Seconds between two log lines that say what was refused."""

# Texts

DENIAL_LENGTH = 2048
"""Characters of one line of a denial."""

DENIALS_LENGTH = 32 * 1024
"""Characters of a whole denial."""
