import msgspec
import pytest

from components.mesh import payloads
from components.mesh.errors import WireError
from components.mesh.relay_wire import Incoming, Through, Welcome
from tests.support.mesh import ALICE


@pytest.mark.parametrize(
    "body",
    [Welcome(3.0), Incoming(b"t" * 16, ALICE.public_key), Through(to=bytes(32)), Through(token=bytes(16))],
)
def test_what_is_said_is_what_is_heard(body: msgspec.Struct) -> None:
    assert payloads.decode(payloads.encode(body), type(body)) == body


@pytest.mark.parametrize("bad", [{"to": b"x" * 31}, {"token": b"x" * 17}, {"to": 3}])
def test_keys_and_tokens_have_their_length(bad: dict[str, object]) -> None:
    with pytest.raises(WireError):
        payloads.decode(msgspec.msgpack.encode(bad), Through)


def test_the_caller_is_called_from_on_the_wire() -> None:
    plain = msgspec.msgpack.decode(payloads.encode(Incoming(b"t" * 16, ALICE.public_key)))
    assert plain == {"token": b"t" * 16, "from": ALICE.public_key}
