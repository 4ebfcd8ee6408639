"""A peer that is turned away learns the code; one that has left is no fault."""

from components.visor.app import AppError
from components.visor.kit.refusal import turned_away


class _Stream:
    def __init__(self, *, gone: bool) -> None:
        self.peer = bytes(32)
        self.told: list[int] = []
        self.closed = False
        self._gone = gone

    async def abort(self, code: int) -> None:
        if self._gone:
            raise AppError("the stream is over")
        self.told.append(code)

    def close(self) -> None:
        self.closed = True


async def test_a_peer_learns_the_code() -> None:
    stream = _Stream(gone=False)
    await turned_away(stream, 257)  # type: ignore[arg-type]  # what it needs of a stream
    assert stream.told == [257]


async def test_a_peer_that_has_left_is_let_go() -> None:
    stream = _Stream(gone=True)
    await turned_away(stream, 257)  # type: ignore[arg-type]  # what it needs of a stream
    assert stream.closed
