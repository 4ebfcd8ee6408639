import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mesh.errors import BadKey, CallerError
from components.visor.links.target import parse_address, parse_target
from tests.support.mesh import ALICE


def test_a_key_alone_has_no_address() -> None:
    assert parse_target(ALICE.name) == (ALICE.public_key, None)


def test_the_address_stands_behind_the_key() -> None:
    assert parse_target(f"02{ALICE.name}@node.example:7777") == (ALICE.public_key, "node.example:7777")


@pytest.mark.parametrize(
    "text, host, port", [("a:1", "a", 1), ("10.0.0.1:65535", "10.0.0.1", 65535), ("[::1]:80", "::1", 80)]
)
def test_addresses_have_a_host_and_a_port(text: str, host: str, port: int) -> None:
    assert parse_address(text) == (host, port)


@pytest.mark.parametrize(
    "text", ["", "a", "a:", ":1", "a:0", "a:65536", "a:-1", "a:1x", "::1:80", "a:²", "[]:1", "a:00000170000"]
)
def test_what_is_no_address_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(CallerError, match=r"HOST:PORT|port is a number|brackets"):
        parse_address(text)


def test_a_target_with_a_bad_part_is_refused() -> None:
    with pytest.raises(BadKey):
        parse_target("abc@a:1")
    with pytest.raises(CallerError):
        parse_target(f"{ALICE.name}@")


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_a_caller_error(text: str) -> None:
    try:
        host, port = parse_address(text)
    except CallerError:
        return
    assert host
    assert 0 < port < 65536
