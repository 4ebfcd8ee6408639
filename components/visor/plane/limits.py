"""All bounds and times of links and routes."""

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

# Hop credit: payload bytes of DATA frames a neighbour may send on a route before we forwarded them.
HOP_FIRST: Final = 8 * KIB  # of a route that is new or says little; both sides know it untold
HOP_WINDOW: Final = 512 * KIB
HOP_WINDOW_LEAST: Final = 256 * KIB  # two frames of the largest size: less would stand still
HOP_BUDGET: Final = 128 * MIB  # of all windows a node has promised
HOP_SPARE: Final = 32 * MIB  # of it no first windows are made: it is for routes in use
STILL_LOOKS: Final = 2  # one a second: a wide window that saw no data is one to be recalled
RECALLED_A_LOOK: Final = 256
RETURN_LOOKS: Final = 10  # a neighbour that does not answer a recall for so long loses the route

# A link.
QUANTUM: Final = 16 * KIB  # bytes a route sends before it is the next one's turn
URGENT_BYTES: Final = 256 * KIB  # answers to strangers' frames, pings; more are dropped
PASS_LEAST: Final = 4 * KIB  # a frame that is sent on without waiting for others to share its record
READS_A_TURN: Final = 4  # then other links have theirs
SENDS_A_TURN: Final = 2
PING_S: Final = 10.0  # of silence before a link is asked
PINGS_MISSED: Final = 3
PROBE_S: Final = 1.0  # between two asked for because the network came back
STRANGERS_A_S: Final = 100  # close frames for unknown routes, a link

# What an app may write ahead, in the kernel; Linux takes twice of it.
APP_BUFFER: Final = 512 * KIB

# A route's small frames that no credit counts: keep-alives, handshakes, pings.
SMALL_FRAMES: Final = 32

# Routes.
PROVISIONAL_S: Final = 10.0
LEASE_S: Final = 45.0
ROUTES_A_NODE: Final = 65_536
ROUTES_A_LINK: Final = 16_384
PROVISIONAL_A_LINK: Final = 1_024  # installed and not yet used
