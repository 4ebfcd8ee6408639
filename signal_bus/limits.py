"""Every limit of the bus, with its reason. The reference page is generated from the public names here."""

from typing import Final

VERSION: Final = 1  # the envelope's `v`; one number until a change old peers cannot ignore

# Sizes, in bytes.
MESSAGE_BYTES: Final = 1 << 20  # one frame; libzmq hangs up on a larger one before it is in memory
ENVELOPE_BYTES: Final = 4096  # all of a frame but its body
USAGE_BYTES: Final = 1024  # what a client may add to the figures the server samples itself
SMALL_BYTES: Final = 4096  # messages that are a few fields
TEXT_BYTES: Final = 64 << 10  # messages with text or a listing
ID_CHARACTERS: Final = 64  # a request id
NAME_CHARACTERS: Final = 128  # names of services, methods, topics

# Counts.
QUEUE_MESSAGES: Final = 256  # a socket's queue to one peer; a peer that fills it is dropped
BACKLOG: Final = 1024  # connections that wait to be accepted when all clients come at once
DRAIN_MESSAGES: Final = 64  # taken from one socket before the others get their turn
REQUESTS_PER_CLIENT: Final = 64  # of ours, awaiting one client
REPLAYS: Final = 4096  # answers kept for retried mutations
STRANGERS: Final = 4096  # connections remembered that have not joined
VERBS: Final = 64  # verbs under way on the operators' door
SERVICES_PER_CLIENT: Final = 64
EVENTS_KEPT: Final = 4096  # for a subscriber that missed some
EVENT_BYTES_KEPT: Final = 8 << 20  # of them in all
NOISE_PER_S: Final = 500.0  # events, states and figures one client may send, on average
NOISE_BURST: Final = 1000.0
FAULTS_PER_S: Final = 20.0  # refused messages and hellos of one process, on average; then it is muted
FAULTS_BURST: Final = 2000.0
CONNECTS_PER_S: Final = 50.0  # new connections one user may open, on average (see zap.py)
CONNECTS_BURST: Final = 4000.0
CONNECT_USERS: Final = 1024  # users whose connection budget is remembered

# Times, in seconds.
BEAT_MIN_S: Final = 1.0
CLIENTS_PER_BEAT_S: Final = 100  # beats the server wants a second, in all
SUSPECT_BEATS: Final = 3
SILENT_BEATS: Final = 10
TICK_S: Final = 0.25
TURN_S: Final = 0.001  # spent on one socket before the others get their turn
MUTED_S: Final = 1.0  # how long a process is not heard that was refused too often
PROBE_S: Final = 0.3  # a connect to nothing is known within this
JOIN_S: Final = 5.0  # hello to welcome
RECONNECT_MIN_S: Final = 0.1
RECONNECT_MAX_S: Final = 5.0
SHUTDOWN_CAP_S: Final = 30.0  # what a client may have at most for its hooks, unless the server says otherwise
REQUEST_S: Final = 30.0  # a request that names no deadline
SERVICE_TTL_MAX_S: Final = 86_400.0
REBIND_S: Final = 5.0  # libzmq frees a closed tcp port a moment later
LINGER_MS: Final = 200  # a goodbye may take this long to leave
