"""The end of a socket that was handed over, as the app hears it."""

import pytest

from components.visor.apps.messages import Ended
from components.visor.sdk.errors import StreamReset, VisorGone
from components.visor.sdk.handed import Handed
from signal_bus.ids import PublicKey


class Visor:
    def __init__(self) -> None:
        self.codes: list[int] = []

    async def reset(self, stream: Handed, code: int) -> None:
        self.codes.append(code)


def made() -> tuple[Visor, Handed]:
    visor = Visor()
    return visor, Handed(visor, peer=PublicKey(bytes(32)), rport=7)


async def test_the_bytes_are_told_at_the_end() -> None:
    _, handed = made()
    told = [handed.known]
    handed.over(Ended(1, None, 5, 6))
    assert [*told, handed.known] == [False, True]
    handed.over(Ended(1, 3))
    assert await handed.wait() == (5, 6)
    assert "rport=7" in repr(handed)


async def test_a_break_is_an_error_and_asked_for_once() -> None:
    visor, handed = made()
    await handed.abort(300)
    handed.over(Ended(1, 300))
    await handed.abort(301)
    assert visor.codes == [300]
    with pytest.raises(StreamReset, match="300"):
        await handed.wait()


async def test_with_the_visor_it_is_gone() -> None:
    _, handed = made()
    handed.gone("it crashed")
    handed.gone("again")
    with pytest.raises(VisorGone, match="it crashed"):
        await handed.wait()
