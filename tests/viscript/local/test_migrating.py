"""`store migrate`, as it is typed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.support.fake_door import FakeDoor
from tests.support.locally import client, run
from tests.support.stores import sqlite_store
from viscript.errors import ExitCode
from viscript.home import find_home, make_home
from viscript.local.door import DoorError
from viscript.statestore.api import Put


@pytest.fixture
def home(short_tmp: Path) -> Path:
    make_home(find_home({"VISCRIPT_HOME": str(short_tmp)}))
    asyncio.run(fill(short_tmp, "1"))
    return short_tmp


async def fill(folder: Path, value: str) -> None:
    async with sqlite_store(folder) as store:
        await store.txn((), (Put("a", value.encode()), Put("b", b"")))


async def contents(folder: Path) -> dict[str, bytes]:
    async with sqlite_store(folder) as store:
        return {item.key: item.value for item in (await store.range("")).items}


def test_all_is_copied_and_counted(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (home / "to").mkdir()
    to = f"sqlite://{home}/to/store.db"
    assert run(client(home), "store", "migrate", "sqlite://", to) == 0
    out = capfd.readouterr().out
    assert "2 keys copied, 0 the same already, 0 left out; all was read back" in out
    assert f"{to} is at revision" in out
    assert asyncio.run(contents(home / "to")) == {"a": b"1", "b": b""}
    assert run(client(home), "store", "migrate", "sqlite://", to, "-o", "json") == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["copied"], told["same"], told["left"]) == (0, 2, 0)


def test_what_differs_is_replaced_only_by_force(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (home / "to").mkdir()
    asyncio.run(fill(home / "to", "2"))
    argv = ("store", "migrate", "sqlite://", f"sqlite://{home}/to/store.db")
    assert run(client(home), *argv) == 1
    err = capfd.readouterr().err
    assert "it holds something else already: a" in err
    assert "--force" in err
    assert run(client(home), *argv, "--force") == 0
    assert asyncio.run(contents(home / "to")) == {"a": b"1", "b": b""}


def test_a_daemon_of_this_home_is_not_written_beside(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (home / "to").mkdir()
    argv = ("store", "migrate", "sqlite://", f"sqlite://{home}/to/store.db")
    with FakeDoor(f"{home}/run/verbs.sock"):
        assert run(client(home), *argv) == 1
        assert "a daemon of this home runs" in capfd.readouterr().err
        assert run(client(home), *argv, "--force") == 0


@pytest.mark.parametrize(
    "source, target, code, why",
    [
        ("sqlite://", "sqlite://", 2, "is both"),
        ("sqlite://", "sqlite://relative", 2, "named by its whole path"),
        ("sqlite://", "odd://x", 2, "nobody opens such a store"),
        ("sqlite://", "host://3f2a", 2, "only a daemon that has joined a cluster"),
        ("sqlite://", "etcd://me@a", 2, "do not stand in the URL"),
        ("sqlite://", "sqlite:///no/such/folder/store.db", 1, "unable to open database file"),
    ],
)
def test_what_cannot_be_opened_is_said(
    home: Path, capfd: pytest.CaptureFixture[str], source: str, target: str, code: int, why: str
) -> None:
    assert run(client(home), "store", "migrate", source, target) == code
    assert why in capfd.readouterr().err


def test_a_store_of_the_configuration_is_reached_as_it_says(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (home / "config.yaml").write_text(
        "store: {url: 'etcd://127.0.0.1:1', user: me, password: {secret: {file: no-such-file}}}\n"
    )
    config = ("--config", f"{home}/config.yaml")
    assert run(client(home), "store", "migrate", "sqlite://", "etcd://127.0.0.1:1", *config) == 6
    assert "store.password" in capfd.readouterr().err


def test_a_store_of_no_configuration_is_reached_by_options(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (home / "config.yaml").write_text("apps: {}\n")
    options = ("--ca", f"{home}/none.pem", "--user", "me", "--password-file", f"{home}/config.yaml")
    assert run(client(home), "store", "migrate", "sqlite://", "etcd://127.0.0.1:1", *options) == 2
    assert "none.pem: No such file" in capfd.readouterr().err


def test_a_configuration_with_faults_is_not_used(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (home / "config.yaml").write_text("nonsense: 1\n")
    config = ("--config", f"{home}/config.yaml")
    assert run(client(home), "store", "migrate", "sqlite://", "etcd://127.0.0.1:1", *config) == 6
    assert "nonsense" in capfd.readouterr().err


def test_a_daemon_that_cannot_be_asked_is_said(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def broken(path: str) -> None:
        raise DoorError(ExitCode.NOT_PERMITTED, "the daemon is another user's")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("viscript.local.migrating.Door", broken)
        assert run(client(home), "store", "migrate", "sqlite://", f"sqlite://{home}/x.db") == 7
    assert "another user's" in capfd.readouterr().err
