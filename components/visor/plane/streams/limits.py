"""All bounds and times of streams and groups."""

from typing import Final

from components.visor.plane.unit import DATA_BEST

KIB: Final = 1024
MIB: Final = 1024 * KIB

# Memory.
SMALL_BUFFER: Final = 4 * KIB
LARGE_BUFFER: Final = 64 * KIB
HUGE_BUFFER: Final = 128 * KIB  # for streams with room for units that fill a record
SPARE_SMALL: Final = 1024  # buffers that wait for their next use
SPARE_LARGE: Final = 256
SPARE_HUGE: Final = 64
SENDING_BUDGET: Final = 128 * MIB  # plaintext kept until it is acknowledged, a node
RECEIVING_BUDGET: Final = 128 * MIB  # windows promised, a node

# Windows, a stream.
WINDOW_START: Final = 256 * KIB
WINDOW_MAX: Final = 16 * MIB
# Granted at half, a window that holds the stream up lasts two round trips exactly; the rest is for the nodes.
TUNE_RTTS: Final = 2.25
SHRINK: Final = 2.5  # times as long as it needs, and a window is halved; it is not too small then
# A stream that alone moves data in this node for a while may have windows that last longer: fewer wakes.
ALONE_AFTER_S: Final = 0.1
ALONE_SLACK_S: Final = 0.004
SHORT_S: Final = 0.001  # of a round trip: below it, in company, the first size of a window is enough
WINDOW_FLOOR: Final = 16 * KIB  # reserved for each stream as long as it lives, so that none ever stands still
EARLY_MAX: Final = SMALL_BUFFER  # bytes that may go out before the peer has accepted; below the floor

# Streams, a group.
STREAMS_MAX: Final = 16_384  # alive at one time
ID_MAX: Final = (1 << 24) - 1
GOODBYES_MAX: Final = 4 * STREAMS_MAX  # answers to units of streams we do not know
CROWD: Final = 4  # streams with payload: each may send large units, as others go on while it waits for credit
QUANTUM: Final = DATA_BEST  # bytes a stream sends before it is the next one's turn

# Messages (datagram-like).
MESSAGE_MAX: Final = 32 * KIB
MESSAGES_WAITING: Final = 256
MESSAGE_BYTES_WAITING: Final = MIB

# Routes and time, in seconds.
ROUTES_MAX: Final = 8
ACK_DELAY_S: Final = 0.005
LOOK_S: Final = (
    0.05  # so long a move may wait until what is due is looked for; all but acknowledgements is later
)
KEEP_ALIVE_S: Final = 10.0
MISSES_MAX: Final = 3
PINGS_FIRST: Final = 4  # one after the other at the start: a cold way answers late
STALL_LEAST_S: Final = 0.2
STALL_RTTS: Final = 4.0
STALL_UNKNOWN_S: Final = 1.0  # as long as no round trip was measured
STALL_MOST_S: Final = 30.0
ASK_LEAST_S: Final = 0.1  # a stream waits for a word so long, and the route is asked whether it still carries
ASK_MOST_S: Final = 1.0
ANSWER_S: Final = 0.3  # at least, for the answer
HOLD_S: Final = 10.0  # between two moves to a better route
HOLD_MOST_S: Final = 600.0
