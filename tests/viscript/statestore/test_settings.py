"""`store:` as what an engine is reached by."""

from pathlib import Path

import pytest

from viscript.config.fault import BadConfig
from viscript.config.model import Secret, SecretValue, Store, StoreTls
from viscript.statestore.access import Access
from viscript.statestore.settings import access_of


def test_files_are_relative_to_the_folder_of_the_configuration() -> None:
    store = Store(tls=StoreTls(ca="ca.pem", cert="/abs/c.pem", key="k/c.key"), user="me", password="pw")
    assert access_of(store, "/etc/v", {}) == Access(
        ca="/etc/v/ca.pem", cert="/abs/c.pem", key="/etc/v/k/c.key", tls=True, user="me", password="pw"
    )
    assert access_of(Store(), "/etc/v", {}) == Access()
    assert access_of(Store(tls=True), "/", {}).tls


def test_a_password_is_read_from_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("secret\n")
    by_file = Store(user="me", password=SecretValue(secret=Secret(file="pw")))
    assert access_of(by_file, str(tmp_path), {}).password == "secret"
    by_env = Store(user="me", password=SecretValue(secret=Secret(env="PW")))
    assert access_of(by_env, "/", {"PW": "other"}).password == "other"
    with pytest.raises(BadConfig, match=r"store\.password: the variable PW is not set"):
        access_of(by_env, "/", {})
