"""All bounds and times of transports."""

from typing import Final

# Dialling.
FIRST_DELAY_S: Final = 0.1
LONGEST_DELAY_S: Final = 30.0
JITTER: Final = 0.25  # a delay is up to this share shorter, so that a crowd does not come at once
SETTLED_S: Final = 10.0  # a link that lived as long was no flicker: the next delay is the first again
SILENT_S: Final = 3.0  # of an unanswered ping: the neighbour is dialled anew while the old link stands
RETRIES: Final = 4  # of TCP in a row, some three seconds: as much as an unanswered ping
FRESH_S: Final = 1.0  # a dial so young is not begun anew because the network came back
LOOK_S: Final = 1.0  # between two looks for silent links
EASED_S: Final = 2.0  # the longest delay after a dial that went well, however short the link lived
LOOK_UP_S: Final = 5.0  # for the addresses of a node
RELAY_S: Final = 10.0  # for a connection by a messenger
DIAL_S: Final = 20.0  # for all addresses of a node together
DIALS_AT_ONCE: Final = 64
TRIED_S: Final = 60.0  # until `add` takes the next type, when it was to choose

# Links.
TRANSPORTS: Final = 4096
RETIRE_S: Final = 10.0  # two links of one transport at most so long: twice the time a handshake may take
HELD_MOST: Final = 3  # links of one transport at a time

# What is told and written.
FLUSH_S: Final = 30.0
NAMED_A_DAY: Final = 10_000  # transports with a row of their own in the log of bytes; the rest share one
KEEP_DAYS: Final = 400
RENEW_S: Final = 100.0  # a third of a lease
MEASURE_S: Final = 0.5  # between two looks at the round trips
RTT_LEAST_S: Final = 30.0  # between two tellings of the round trip of one transport
RTT_SHARE: Final = 0.25  # by which a round trip must be another to be told before the lease is renewed
REGISTRAR_S: Final = 10.0
REGISTRAR_LONGEST_S: Final = 60.0
GOODBYE_S: Final = 2.0  # at the end, for the registrar to hear what goes down
