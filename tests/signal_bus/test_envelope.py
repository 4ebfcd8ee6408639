import msgspec
import pytest

from signal_bus.envelope import Envelope, Fault


def test_defaults_stay_off_the_wire() -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(Envelope(t="ping"))) == {"t": "ping"}
    assert msgspec.json.encode(Fault("busy")) == b'{"code":"busy"}'


def test_unknown_fields_are_ignored() -> None:
    envelope = msgspec.json.decode(b'{"t":"ping","colour":"red"}', type=Envelope)
    assert envelope.t == "ping"


@pytest.mark.parametrize(
    "fields",
    ['"id":7', f'"id":"{"x" * 65}"', '"dl":-1', '"dl":1.5', '"n":-1', '"v":0', '"ts":"now"', '"err":{}'],
)
def test_a_field_that_cannot_be_right_is_refused(fields: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(f'{{"t":"ping",{fields}}}', type=Envelope)
