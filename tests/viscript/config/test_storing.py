"""What `store:` may say."""

import pytest

from viscript.config.model import Secret, SecretValue, Store, StoreTls
from viscript.config.storing import check_url, store_faults
from viscript.statestore.errors import BadUrl


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///var/lib/x.db", "etcd://a,b?prefix=/x", "host://3f2a", "other://whatever"]
)
def test_urls_of_ours_and_of_plugins_are_taken(url: str) -> None:
    assert list(store_faults(Store(url=url))) == []


@pytest.mark.parametrize(
    "url, why",
    [
        ("nonsense", 'expected a URL such as sqlite://, got "nonsense"'),
        ("etcd://a b", 'expected a URL such as sqlite://, got "etcd://a b"'),
        ("sqlite://state.db", "a file is named by its whole path"),
        ("sqlite:///a?mode=ro", "a file is named by its whole path"),
        ("host://", "a host is named by its label"),
        ("host://a/b", "a host is named by its label"),
        ("etcd://a?prefix=", "the prefix is empty"),
    ],
)
def test_urls_that_make_no_sense_are_named(url: str, why: str) -> None:
    ((key, message, _),) = store_faults(Store(url=url))
    assert key == "store"
    assert why in message


@pytest.mark.parametrize(
    "store, key",
    [
        (Store(tls=StoreTls(cert="a.pem")), "store.tls"),
        (Store(tls=StoreTls(key="a.key")), "store.tls"),
        (Store(password="x"), "store.password"),
        (Store(user="u", password=SecretValue(secret=Secret())), "store.password"),
        (Store(user="u", password=SecretValue(secret=Secret(file="a", env="B"))), "store.password"),
    ],
)
def test_what_does_not_fit_together_is_named(store: Store, key: str) -> None:
    assert [found for found, _, _ in store_faults(store)] == [key]


def test_a_url_is_looked_at_before_anything_is_opened() -> None:
    check_url("etcd://a")
    with pytest.raises(BadUrl):
        check_url("etcd://")
