"""Bytes of one connection."""

from components.visor.app import Handed
from components.visor.kit.tally import Tally
from signal_bus.ids import PublicKey


class Visor:
    async def reset(self, stream: Handed, code: int) -> None:
        """Nobody asks."""


async def test_what_was_copied_here_and_what_the_visor_carries_is_one_sum() -> None:
    tally = Tally()
    tally.came(5)
    tally.went(7)
    assert (tally.incoming, tally.outgoing) == (5, 7)
    tally.handed = Handed(Visor(), peer=PublicKey(bytes(32)), rport=3, before=(7, 5))
    assert (tally.incoming, tally.outgoing) == (5, 7)
    tally.handed.counted(107, 1005)
    assert (tally.incoming, tally.outgoing) == (1005, 107)
