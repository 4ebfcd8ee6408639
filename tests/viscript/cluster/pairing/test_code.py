"""Codes: what survives being copied, and what is refused with which words."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_bus.ids import PublicKey
from viscript.cluster.pairing.code import (
    LONGEST_TEXT,
    PREFIX_BYTES,
    SECRET_BYTES,
    Address,
    BadCode,
    Code,
    MeshAddress,
    key_prefix,
    parse,
    parse_address,
)
from viscript.errors import ExitCode, VerbError

KEY = PublicKey(b"\x07" * 32)
ADDRESSES = (Address("10.0.0.1", 7792), Address("fd00::1", 1), Address("gate.example", 65535))
CODE = Code(b"\x01" * SECRET_BYTES, key_prefix(KEY), ADDRESSES)

LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
ports = st.integers(1, 65535)
addresses = st.one_of(
    st.builds(Address, st.ip_addresses(v=4).map(str), ports),
    st.builds(Address, st.ip_addresses(v=6).map(str), ports),
    st.builds(Address, st.from_regex(r"[a-z]{1,20}\.[a-z]{2,8}", fullmatch=True), ports),
    st.builds(MeshAddress, st.binary(min_size=32, max_size=32)),
)
codes = st.builds(
    Code,
    st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES),
    st.binary(min_size=PREFIX_BYTES, max_size=PREFIX_BYTES),
    st.lists(addresses, max_size=4).map(tuple),
)


def coded(body: bytes) -> str:
    """A text whose check is right, whatever is in it."""
    check = hashlib.sha256(b"viscript code 1" + body).digest()[:4]
    return base64.b32encode(body + check).decode().rstrip("=")


HEAD = b"\x01" + bytes(SECRET_BYTES + PREFIX_BYTES)


@given(codes)
def test_a_code_comes_back_from_its_text(code: Code) -> None:
    assert parse(code.text()) == code


@pytest.mark.parametrize(
    "spoilt",
    [
        CODE.text().upper(),
        CODE.text().replace("-", ""),
        CODE.text().replace("-", "\u2011"),
        CODE.text().replace("-", " \r\n  "),
        f"  {CODE.text()}\n",
        CODE.text().replace("o", "0").replace("l", "1"),
    ],
)
def test_what_happens_to_a_pasted_text_does_it_no_harm(spoilt: str) -> None:
    assert parse(spoilt) == CODE


def test_the_text_is_one_line_of_groups() -> None:
    assert set(CODE.text()) <= {*LETTERS, "-"}
    assert all(len(group) == 8 for group in CODE.text().split("-")[:-1])


@given(st.data())
def test_a_mistyped_letter_is_noticed(data: st.DataObject) -> None:
    text = CODE.text()
    at = data.draw(st.integers(0, len(text) - 3).filter(lambda at: text[at] != "-"))
    letter = data.draw(
        st.sampled_from("abcdefghijklmnopqrstuvwxyz234567").filter(lambda new: new != text[at])
    )
    with pytest.raises(BadCode, match="wrong"):
        parse(text[:at] + letter + text[at + 1 :])


def test_a_code_cut_off_anywhere_is_noticed() -> None:
    text = CODE.text()
    for end in range(len(text) - 2):
        with pytest.raises(BadCode) as told:
            parse(text[:end])
        assert told.value.code is ExitCode.USAGE


@given(st.text(max_size=200))
def test_any_text_is_a_code_or_a_bad_one(text: str) -> None:
    with pytest.raises(BadCode):
        parse(text)


@given(st.binary(max_size=120))
def test_any_bytes_behind_a_right_check_are_a_code_or_a_bad_one(rest: bytes) -> None:
    try:
        found = parse(coded(HEAD + rest))
    except BadCode:
        return
    assert parse(found.text()).secret == found.secret


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "too short"),
        ("abc", "end is missing"),
        ("abcdefgh", "too short"),
        ("a" * (LONGEST_TEXT + 1), "characters"),
        ("not!a!code", "digits 2 to 7"),
        (coded(b"\x02" + HEAD[1:] + b"\x00"), "upgrade this one"),
        (coded(HEAD + b"\x01\x04\x06\x01\x02"), "cut off"),
        (coded(HEAD + b"\x01\x04"), "cut off"),
        (coded(HEAD + b"\x00rest"), "more follows"),
        (coded(HEAD + b"\x01\x04\x05\x01\x02\x03\x00\x01"), "is none"),
        (coded(HEAD + b"\x01\x01\x02\x00\x01"), "is none"),
        (coded(HEAD + b"\x01\x01\x05-a-\x00\x01"), "is none"),
        (coded(HEAD + b"\x01\x02\x1f" + bytes(31)), "is none"),
    ],
)
def test_a_bad_code_says_what_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(BadCode, match=reason):
        parse(text)


def test_an_address_of_a_later_kind_is_passed_over() -> None:
    later = b"\x63\x03abc"
    first = b"\x04\x06\x0a\x00\x00\x01\x1e\x70"
    assert parse(coded(HEAD + b"\x02" + later + first)).addresses == (Address("10.0.0.1", 7792),)


def test_a_visor_is_shown_by_its_key() -> None:
    assert str(MeshAddress(b"\xab" * 32)) == "mesh:" + "ab" * 32


def test_a_code_names_its_maker_and_hides_its_secret() -> None:
    assert CODE.is_by(KEY)
    assert not CODE.is_by(PublicKey(b"\x08" * 32))
    assert "secret" not in repr(CODE)
    assert len({CODE.psk[:8], CODE.invitation, CODE.secret[:8]}) == 3


@pytest.mark.parametrize(
    "text, address",
    [
        ("10.0.0.1", Address("10.0.0.1", 7792)),
        ("10.0.0.1:80", Address("10.0.0.1", 80)),
        ("gate.example:80", Address("gate.example", 80)),
        ("fd00::1", Address("fd00::1", 7792)),
        ("[fd00::1]:80", Address("fd00::1", 80)),
    ],
)
def test_an_address_is_read(text: str, address: Address) -> None:
    assert parse_address(text, 7792) == address
    assert parse_address(str(address), 1) == address


@pytest.mark.parametrize("text", ["", "10.0.0.1:0", "a:65536", "a:b", "-a", "a b", "fe80::1%eth0", "a" * 201])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(VerbError) as told:
        parse_address(text, 7792)
    assert told.value.code is ExitCode.USAGE
