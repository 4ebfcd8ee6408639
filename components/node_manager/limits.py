"""All bounds of the node manager."""

from typing import Final

LEASE_S: Final = 300.0
LONGEST_LEASE_S: Final = 3600.0
SWEEP_S: Final = 5.0
REMEMBER_S: Final = 30 * 86_400.0  # nonces, sequences and uptimes of nodes that are away

MOST_TRANSPORTS: Final = 50_000
MOST_OF_AN_EDGE: Final = 2_000
MOST_NODES: Final = 50_000  # those remembered as well
MOST_OFFERS: Final = 10_000
MOST_OF_AN_OWNER: Final = 64
MOST_NONCES: Final = 100_000
MOST_UPTIMES: Final = 50_000

PAGE: Final = 200
WAIT_S: Final = 5.0  # for one's turn to write, and for a search
MOST_SEARCHES: Final = 16  # that wait
MOST_WAITING: Final = 64  # writers that wait
NEWS: Final = 1_000  # events that wait for the bus

# Tokens a second and at once: of all who share a network, and of one key that signs.
NETWORK_RATE: Final = (200.0, 2_000.0)
KEY_RATE: Final = (20.0, 200.0)
BUCKETS: Final = 10_000
CHECK_COST: Final = 0.5  # of checking one entry in a body; a request costs 1
SEARCH_COST: Final = 5.0
