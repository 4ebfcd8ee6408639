"""Signed requests: what holds, what does not, and what each refusal says."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mesh import httpsign
from components.mesh.errors import CallerError, TagError, WireError
from components.mesh.keys import hex66
from signal_bus.identity import Identity

ME = Identity(bytes([1]) * 32)
OTHER = Identity(bytes([7]) * 32)


@given(nonce=st.integers(0, 10**16 - 1), body=st.binary(max_size=200))
def test_a_signed_request_names_its_key_and_number(nonce: int, body: bytes) -> None:
    headers = httpsign.headers(ME, nonce, "POST", "/transports/", body)
    assert httpsign.check(headers, "POST", "/transports/", body) == (ME.public_key, nonce)


def test_the_headers_are_those_of_the_reference() -> None:
    headers = httpsign.headers(ME, 7, "GET", "/a", b"")
    assert headers["SW-Public"] == "02" + ME.public_key.hex()
    assert headers["SW-Nonce"] == "7"
    assert len(bytes.fromhex(headers["SW-Sig"])) == 64


def test_the_example_on_the_page_holds() -> None:
    page = Path("docs/reference/mesh-services.md").read_text(encoding="utf-8")
    block = page.partition("```signed\n")[2].partition("```")[0]
    told = dict(line.split(" ", 1) for line in block.splitlines())
    request = int(told["nonce"]), told["method"], told["target"], told["body"].encode()
    made = httpsign.headers(ME, *request)
    assert {name: made[name] for name in ("SW-Public", "SW-Sig")} == {
        name: told[name] for name in ("SW-Public", "SW-Sig")
    }


@pytest.mark.parametrize(
    "method, target, body, more",
    [
        ("DELETE", "/a", b"x", {}),
        ("POST", "/b", b"x", {}),
        ("POST", "/a?b", b"x", {}),
        ("POST", "/a", b"y", {}),
        ("POST", "/a", b"x", {"SW-Nonce": "8"}),
        ("POST", "/a", b"x", {"SW-Public": hex66(OTHER.public_key)}),
        ("POST", "/a", b"x", {"SW-Sig": "00" * 64}),
        ("POST", "/a", b"x", {"SW-Sig": "zz" * 64}),
        ("POST", "/a", b"x", {"SW-Sig": ""}),
    ],
)
def test_a_signature_holds_for_nothing_else(
    method: str, target: str, body: bytes, more: dict[str, str]
) -> None:
    headers = httpsign.headers(ME, 7, "POST", "/a", b"x") | more
    with pytest.raises(TagError):
        httpsign.check(headers, method, target, body)


def test_digits_cannot_move_from_the_body_to_the_number() -> None:
    headers = httpsign.headers(ME, 23, "POST", "/a", b"1")
    with pytest.raises(TagError):
        httpsign.check({**headers, "SW-Nonce": "3"}, "POST", "/a", b"12x")


@pytest.mark.parametrize(
    "more, sentence",
    [
        ({"SW-Public": ""}, "must be signed"),
        ({"SW-Public": "03" + "1" * 64}, "SW-Public"),
        ({"SW-Nonce": ""}, "decimal"),
        ({"SW-Nonce": "07"}, "decimal"),
        ({"SW-Nonce": "-1"}, "decimal"),
        ({"SW-Nonce": "٣"}, "decimal"),
        ({"SW-Nonce": "9" * 17}, "decimal"),
    ],
)
def test_headers_of_another_form_are_refused(more: dict[str, str], sentence: str) -> None:
    headers = httpsign.headers(ME, 7, "GET", "/a") | more
    with pytest.raises(WireError, match=sentence):
        httpsign.check(headers, "GET", "/a")


def test_a_long_path_is_neither_signed_nor_checked() -> None:
    with pytest.raises(CallerError):
        httpsign.headers(ME, 7, "GET", "/" + "a" * 255)
    with pytest.raises(WireError, match="characters of path"):
        httpsign.check(httpsign.headers(ME, 7, "GET", "/a"), "GET", "/" + "a" * 255)


def test_a_number_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(CallerError):
        httpsign.headers(ME, -1, "GET", "/a")


@given(st.dictionaries(st.sampled_from(["SW-Public", "SW-Nonce", "SW-Sig"]), st.text(max_size=140)))
def test_any_headers_are_an_answer_or_a_refusal(headers: dict[str, str]) -> None:
    with pytest.raises((WireError, TagError)):
        httpsign.check(headers, "GET", "/a")
