"""Every part of an `etcd://` URL, and what is refused in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.statestore.errors import BadUrl
from viscript.statestore.etcd.address import Address, address_of


@pytest.mark.parametrize(
    "url, members, prefix",
    [
        ("etcd://h1:2379,h2:2380,h3?prefix=/viscript/a", ("h1:2379", "h2:2380", "h3:2379"), "/viscript/a/"),
        ("etcd://10.0.0.1", ("10.0.0.1:2379",), "/viscript/"),
        ("etcd://[::1]:99,[fe80::1]", ("[::1]:99", "[fe80::1]:2379"), "/viscript/"),
        ("etcd://a,a,b/?prefix=/x/", ("a:2379", "b:2379"), "/x/"),
    ],
)
def test_a_url_names_members_and_a_prefix(url: str, members: tuple[str, ...], prefix: str) -> None:
    assert address_of(url) == Address(members, prefix)


@pytest.mark.parametrize(
    "url, why",
    [
        ("etcd://", "is no HOST:PORT"),
        ("etcd://a,,b", "'' is no HOST:PORT"),
        ("etcd://a:99999", "'a:99999' is no HOST:PORT"),
        ("etcd://a:b", "is no HOST:PORT"),
        ("etcd://a b", "is no HOST:PORT"),
        ("etcd://me:secret@a", "user and password do not stand in the URL"),
        ("etcd://a/viscript", r"written as \?prefix="),
        ("etcd://a?prefix=/", "the prefix is empty"),
        ("etcd://a?prefx=/x", "unknown 'prefx'"),
        ("etcd://a?prefix", "is no URL"),
        ("etcd://[::1", "is no URL"),
        ("etcd://" + ",".join(f"h{n}" for n in range(17)), "17 members, at most 16"),
    ],
)
def test_what_makes_no_sense_is_named(url: str, why: str) -> None:
    with pytest.raises(BadUrl, match=why):
        address_of(url)


@given(st.text(alphabet="etcd:/,?=&@[]#a1 %\0é", max_size=30))
def test_any_text_is_an_address_or_said_to_be_none(text: str) -> None:
    for url in (text, f"etcd://{text}"):
        try:
            found = address_of(url)
        except BadUrl:
            continue
        assert found.members
        assert found.prefix.endswith("/")
