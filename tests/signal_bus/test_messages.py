import msgspec
import pytest

from signal_bus.messages import Hello, Offer, Ready, StateNote, UsageNote


@pytest.mark.parametrize(
    "body, text",
    [
        (Hello, '{"session":"short"}'),
        (Hello, '{"session":"long-enough","seq":-1}'),
        (Hello, '{"session":"long-enough","versions":[]}'),
        (Hello, '{"session":"long-enough","wants":["verbs"]}'),
        (StateNote, '{"word":"fine"}'),
        (Offer, '{"name":"","address":"x"}'),
        (Offer, '{"name":"x","address":"x","ttl_s":-1}'),
        (Offer, '{"name":"x","address":"x","ttl_s":1e9}'),
        (UsageNote, '{"figures":{"a":"b"}}'),
        (Ready, '{"endpoints":{"http":7}}'),
    ],
)
def test_a_field_that_cannot_be_right_is_refused(body: type[msgspec.Struct], text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=body)


def test_a_number_that_is_none_is_refused() -> None:
    data = msgspec.msgpack.encode({"name": "x", "address": "x", "ttl_s": float("nan")})
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(data, type=Offer)


def test_fields_of_a_later_version_are_ignored() -> None:
    hello = msgspec.json.decode('{"session":"long-enough","colour":"red"}', type=Hello)
    assert hello.session == "long-enough"
