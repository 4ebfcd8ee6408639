"""The SOCKS port's side of a greeting, as a transcript."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.socks.destination import Destination
from plugins.socks.handshake import Credentials, Handshake, Refuse, Reply, Step, Wanted
from plugins.socks.request import Code, Command, parse, reply, write

REQUEST = write(Command.CONNECT, Destination("example.org", 80))
FOUR = b"\x04\x01\x00\x50\x0a\x01\x02\x03\x00"
MIKE = Credentials("mike", "secret")
LOGIN = b"\x01\x04mike\x06secret"


def talk(handshake: Handshake, data: bytes, *, cut: int | None = None) -> tuple[bytes, list[Step], bytes]:
    """What is sent, the steps, and the bytes that are left."""
    sent, seen = b"", list[Step]()
    for arrived in (data[: len(data) if cut is None else cut], data):
        taken = sum(step.take for step in seen if isinstance(step, Reply))
        while isinstance(step := handshake.look(arrived[taken:]), Reply):
            taken, sent = taken + step.take, sent + step.send
            seen.append(step)
        if step is not None:
            return sent, [*seen, step], arrived[taken:]
    return sent, seen, b""


@pytest.mark.parametrize(
    "credentials, said, answered",
    [
        (None, b"\x05\x02\x00\x01", b"\x05\x00"),
        (MIKE, b"\x05\x02\x00\x02" + LOGIN, b"\x05\x02\x01\x00"),
        (None, b"", b""),
    ],
)
def test_the_request_is_left_where_it_is_after_any_split(
    credentials: Credentials | None, said: bytes, answered: bytes
) -> None:
    request = REQUEST if said else FOUR
    for cut in range(len(said + request) + 1):
        sent, steps, left = talk(Handshake(credentials), said + request, cut=cut)
        assert sent == answered
        wanted = parse(request)
        assert wanted is not None
        assert steps[-1] == Wanted(wanted)
        assert left == request


@pytest.mark.parametrize(
    "credentials, said, told",
    [
        (None, b"GET / HTTP/1.1", b""),
        (None, b"\x05\x01\x02", b"\x05\xff"),
        (MIKE, b"\x05\x01\x00", b"\x05\xff"),
        (MIKE, b"\x05\x01\x02\x02", b"\x01\x01"),
        (MIKE, b"\x05\x01\x02\x01\x04mike\x05wrong", b"\x01\x01"),
        (MIKE, b"\x05\x01\x02\x01\x03joe\x06secret", b"\x01\x01"),
        (MIKE, FOUR, reply(4, Code.NOT_ALLOWED)),
        (None, b"\x05\x01\x00\x05\x09\x00\x01\x01\x02\x03\x04\x00\x50", reply(5, Code.NO_SUCH_COMMAND)),
    ],
)
def test_who_is_refused_hears_it_in_its_protocol(
    credentials: Credentials | None, said: bytes, told: bytes
) -> None:
    _, steps, _ = talk(Handshake(credentials), said)
    last = steps[-1]
    assert isinstance(last, Refuse)
    assert last.send == told
    assert last.why


@given(st.lists(st.binary(max_size=40), max_size=8), st.sampled_from([None, MIKE]))
def test_no_bytes_raise(pieces: list[bytes], credentials: Credentials | None) -> None:
    handshake = Handshake(credentials)
    for piece in pieces:
        handshake.look(piece)
