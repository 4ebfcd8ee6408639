import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mesh import entry
from components.mesh.curve import is_secp256k1_x
from components.mesh.entry import Client, NodeEntry, Server, check, decode, sign, supersedes
from components.mesh.errors import CallerError, PeerError, TagError, WireError
from components.mesh.keys import hex66
from signal_bus.identity import Identity, has_twin_bit
from tests.support.mesh import ALICE, BOB, STRANGE


def made(identity: Identity = ALICE, **changes: object) -> NodeEntry:
    whole = NodeEntry(
        version="0.0.1",
        sequence=3,
        timestamp=1_700_000_000_000_000_000,
        static=hex66(identity.public_key),
        client=Client((hex66(BOB.public_key),)),
        addresses=("192.0.2.1:7777", "[2001:db8::1]:7777"),
        alias="garage",
        software="viscript 0.2",
    )
    return msgspec.structs.replace(whole, **changes)


def off_curve() -> Identity:
    """An identity of before: valid, but pipe apps do not take its key."""
    some = (Identity(bytes([n]) * 32) for n in range(256))
    return next(i for i in some if not has_twin_bit(i.public_key) and not is_secp256k1_x(i.public_key))


def test_a_signed_entry_is_good_and_says_whose_it_is() -> None:
    assert check(sign(made(), ALICE)) == ALICE.public_key


def test_it_survives_json() -> None:
    whole = sign(made(), ALICE)
    assert decode(msgspec.json.encode(whole)) == whole
    assert check(decode(msgspec.json.format(msgspec.json.encode(whole)))) == ALICE.public_key


def test_a_key_that_pipe_apps_refuse_gets_its_alias_into_the_entry() -> None:
    identity = off_curve()
    whole = sign(made(identity), identity)
    assert whole.pipe_alias.startswith("02")
    assert is_secp256k1_x(bytes.fromhex(whole.pipe_alias[2:]))
    assert check(whole) == identity.public_key
    assert sign(made(), ALICE).pipe_alias == ""


@pytest.mark.parametrize(
    "changes, why",
    [
        ({"version": "0.0.2"}, "version '0.0.2'"),
        ({"static": hex66(STRANGE.public_key)}, "bit 255"),
        ({"client": Client(("x" * 66,))}, "no public key"),
        ({"client": None, "addresses": ()}, "nowhere"),
        ({"pipe_alias": hex66(BOB.public_key)}, "alias"),
    ],
)
def test_an_entry_that_is_not_true_is_refused(changes: dict[str, object], why: str) -> None:
    with pytest.raises(WireError, match=why):
        check(msgspec.structs.replace(sign(made(), ALICE), **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"sequence": 4},
        {"alias": "attic"},
        {"addresses": ()},
        {"server": Server("192.0.2.1:8081")},
        {"static": hex66(BOB.public_key)},
        {"lease_s": 3600},
        {"signature": ""},
        {"signature": "zz"},
        {"signature": "ab" * 64},
    ],
)
def test_any_change_is_noticed(changes: dict[str, object]) -> None:
    with pytest.raises(TagError, match="does not hold"):
        check(msgspec.structs.replace(sign(made(), ALICE), **changes))


def test_a_node_signs_for_itself_only() -> None:
    with pytest.raises(CallerError, match="its own"):
        sign(made(), BOB)


def test_a_later_entry_of_the_same_node_takes_the_place() -> None:
    assert supersedes(made(sequence=4), made())
    assert not supersedes(made(), made())
    assert not supersedes(made(sequence=2), made())
    assert not supersedes(made(BOB, sequence=9), made())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b"x" * (entry.MAX_BYTES + 1),
        b'{"version": "0.0.1", "sequence": 1, "timestamp": 1, "static": "02"}',
        msgspec.json.encode({**msgspec.to_builtins(made()), "tomorrow": 1}),
        msgspec.json.encode({**msgspec.to_builtins(made()), "lease_s": 86400}),
        msgspec.json.encode({**msgspec.to_builtins(made()), "alias": "x" * 65}),
    ],
)
def test_what_is_no_entry_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        decode(data)


@given(st.binary(max_size=100))
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(PeerError):
        check(decode(data))


def test_every_truncation_is_refused() -> None:
    data = msgspec.json.encode(sign(made(), ALICE))
    for size in range(len(data)):
        with pytest.raises(WireError):
            decode(data[:size])
