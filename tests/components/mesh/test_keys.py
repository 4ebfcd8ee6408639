import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_scalarmult_base

from components.mesh.errors import BadKey
from components.mesh.keys import agreement_key, check, hex66, order, parse, spoken
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey

SEEDS = st.binary(min_size=32, max_size=32).filter(lambda seed: Identity(seed).public_key[31] < 0x80)
KEY = Identity(b"\x07" * 32).public_key


@given(SEEDS)
def test_every_form_is_read_back(seed: bytes) -> None:
    key = Identity(seed).public_key
    spoken_form = spoken(key)
    forms = [key.hex(), key.hex().upper(), hex66(key), spoken_form, spoken_form.replace("-", "").upper()]
    assert [parse(form) for form in forms] == [key] * len(forms)


def test_the_spoken_form_has_seven_groups_of_eight() -> None:
    assert [len(group) for group in spoken(KEY).split("-")] == [8] * 7


@given(SEEDS, st.integers(0, 55), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_one_wrong_letter_is_noticed(seed: bytes, at: int, letter: str) -> None:
    key = Identity(seed).public_key
    text = spoken(key).replace("-", "")
    changed = text[:at] + letter + text[at + 1 :]
    if changed == text:
        assert parse(changed) == key
    else:
        with pytest.raises(BadKey):
            parse(changed)


def test_a_zero_is_read_as_o_and_a_one_as_l() -> None:
    text = spoken(KEY)
    assert parse(text.replace("o", "0").replace("l", "1")) == KEY


@pytest.mark.parametrize(
    "text, why",
    [
        ("", "0 digits instead of 64"),
        ("ab" * 31, "62 digits"),
        ("zz" * 32, "64 hexadecimal digits are expected"),
        ("03" + "ab" * 32, "66 digits start with 02, not 03"),
        ("x" * 81, "not 81 characters long"),
        ("!" * 56, "letters and 2 to 7"),
        ("é" * 56, "letters and 2 to 7"),
        ("a" * 56, "one is mistyped"),
        ("00" * 31 + "80", "bit 255 is set"),
        ("02" + "00" * 31 + "80", "bit 255 is set"),
        ("00" * 32, "not a point of Ed25519"),
        ("ff" * 31 + "7f", "not a point of Ed25519"),
    ],
)
def test_a_text_that_is_no_key_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(BadKey, match=why):
        parse(text)


@given(st.text(max_size=90) | st.text("0123456789abcdef", min_size=60, max_size=68))
def test_any_text_is_a_key_or_refused(text: str) -> None:
    try:
        key = parse(text)
    except BadKey:
        return
    assert check(key) == key


@given(st.binary(max_size=40))
def test_any_bytes_are_a_key_or_refused(data: bytes) -> None:
    try:
        key = check(data)
    except BadKey:
        return
    assert key == data
    assert len(agreement_key(key)) == 32


@given(SEEDS)
def test_a_twin_with_bit_255_set_is_refused(seed: bytes) -> None:
    key = Identity(seed).public_key
    twin = key[:31] + bytes([key[31] | 0x80])
    with pytest.raises(BadKey, match="bit 255"):
        check(twin)


@given(SEEDS)
def test_both_halves_of_the_agreement_key_belong_together(seed: bytes) -> None:
    identity = Identity(seed)
    assert crypto_scalarmult_base(identity.agreement_secret()) == agreement_key(identity.public_key)


def test_what_is_no_point_has_no_agreement_key() -> None:
    for data in (b"\xff" * 32, b"short", bytes(32)):
        with pytest.raises(BadKey, match="no X25519 key"):
            agreement_key(PublicKey(data))


def test_keys_are_sorted_as_big_endian_integers() -> None:
    assert order(PublicKey(b"\x01" + bytes(31))) > order(PublicKey(b"\x00" + b"\xff" * 31))
    assert sorted([b"\x02" * 32, b"\x01" * 32], key=lambda key: order(PublicKey(key)))[0] == b"\x01" * 32
