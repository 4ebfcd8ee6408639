"""All bounds and times of metering."""

from typing import Final

TICK_S: Final = 1.0  # between two looks at the streams, each written down: what a kill can lose
TOLERANCE: Final = 0.01  # by which the figures of two ends may differ

# Receipts.
PROPOSE_S: Final = 10.0  # between two receipts of one line, while bytes move
PROPOSE_BYTES: Final = 64 << 20  # or after so many
ANSWER_S: Final = 3.0  # until a proposal is taken for lost
DISPUTE_S: Final = 60.0  # between two tries to agree on what the ends see otherwise
REMIND_S: Final = 20.0  # the side that was dialled asks for a receipt that is due for so long
FLOOR_S: Final = 10.0  # what was counted before may not be missing in the peer's figures
A_TICK: Final = 64  # proposals and reminders
FROM_A_PEER: Final = 64  # messages of one peer that are looked at, each tick
UNSURE_BYTES: Final = 1 << 30  # what is taken from one peer's word after a kill
SETTLE_S: Final = 2.0  # for the receipts that `meter verify` asks for
LAST_S: Final = 0.5  # for those of the end

# What is kept.
LINES_A_DAY: Final = 10_000  # with figures of their own; the rest of a day is counted together
APPS_A_LINE: Final = 64  # with figures of their own; the rest of a line is counted together
KEEP_DAYS: Final = 400
LINGER_S: Final = 30.0  # for a stream that was broken off, until its peer told what it had
CONNECTIONS_SHOWN: Final = 1000
