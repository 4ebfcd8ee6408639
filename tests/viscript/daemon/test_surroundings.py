"""What an app finds in its environment, and what it must not find."""

from pathlib import Path
from typing import Any

import pytest

from signal_bus.identity import Identity
from viscript.config.model import App, Check
from viscript.daemon.surroundings import Surroundings, reachable
from viscript.daemon.tokens import Tokens
from viscript.home import find_home
from viscript.supervisor.api import AppEntry
from viscript.supervisor.instance import Managed
from viscript.supervisor.orders import CannotStart

SEED = bytes(range(32))


@pytest.fixture
def surroundings(tmp_path: Path) -> Surroundings:
    environ = {
        "PATH": "/opt/bin:/bin",
        "LANG": "C.UTF-8",
        "VISCRIPT_HOME": str(tmp_path),
        "VISCRIPT_SEQ": "99",
        "NOTIFY_SOCKET": "/run/systemd/notify",
        "LISTEN_FDS": "3",
        "LISTEN_PID": "1",
        "WATCHDOG_USEC": "5",
    }
    return Surroundings(find_home({"VISCRIPT_HOME": str(tmp_path)}), "abc", environ, Tokens(Identity(SEED)))


def managed(folder: Path, *, own: dict[str, str] | None = None, **fields: Any) -> Managed:
    entry = AppEntry(name="web", source="t", spec=App(**fields), argv=("web",), folder=str(folder))
    return Managed(seq=7, generation=3, name="web", entry=entry, since=0.0, env=own or {})


def test_every_app_knows_who_it_is_and_where_the_bus_is(surroundings: Surroundings, tmp_path: Path) -> None:
    found = surroundings.delta(managed(tmp_path))
    endpoint = found["VISCRIPT_ENDPOINT"]
    assert endpoint is not None
    assert endpoint.startswith("ipc://")
    assert endpoint == found["SIGNAL_SERVER_ADDRESS"]
    assert (found["VISCRIPT_SEQ"], found["VISCRIPT_GENERATION"], found["VISCRIPT_HOME_ID"]) == (
        "7",
        "3",
        "abc",
    )
    assert found["VISCRIPT_STATE"] == str(tmp_path / "state" / "web")
    assert found["VISCRIPT_IDENTITY"] == str(tmp_path / "keys" / "identity")
    assert (found["SIGNAL_CLIENT"], found["SIGNAL_CLIENT_ID"]) == ("1", "7")


def test_what_belongs_to_the_daemon_is_not_inherited(surroundings: Surroundings, tmp_path: Path) -> None:
    whole = surroundings.whole(managed(tmp_path))
    assert whole["PATH"] == "/opt/bin:/bin"
    assert whole["VISCRIPT_SEQ"] == "7"
    assert whole.keys().isdisjoint(
        {"VISCRIPT_HOME", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "WATCHDOG_USEC"}
    )


def test_only_who_notifies_is_told_where_to(surroundings: Surroundings, tmp_path: Path) -> None:
    assert "NOTIFY_SOCKET" not in surroundings.delta(managed(tmp_path, ready=Check(signal=True)))
    found = surroundings.delta(managed(tmp_path, ready=Check(notify=True)))
    assert str(found["NOTIFY_SOCKET"]).endswith("/notify.sock")


def test_its_own_values_come_over_those_of_the_daemon(surroundings: Surroundings, tmp_path: Path) -> None:
    whole = surroundings.whole(managed(tmp_path, env={"LANG": "de", "A": "1"}, own={"A": "2"}))
    assert (whole["LANG"], whole["A"]) == ("de", "2")


def test_nobody_may_pose_as_another_app(surroundings: Surroundings, tmp_path: Path) -> None:
    whole = surroundings.whole(managed(tmp_path, own={"VISCRIPT_SEQ": "1", "SIGNAL_CLIENT_ID": "1"}))
    assert (whole["VISCRIPT_SEQ"], whole["SIGNAL_CLIENT_ID"]) == ("7", "7")


def test_an_app_may_inherit_nothing(surroundings: Surroundings, tmp_path: Path) -> None:
    whole = surroundings.whole(managed(tmp_path, inherit_env=False, env={"A": "1"}))
    assert "LANG" not in whole
    assert whole["A"] == "1"


def test_a_file_that_is_missing_is_named(surroundings: Surroundings, tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"missing\.env") as caught:
        surroundings.delta(managed(tmp_path, env_file=("missing.env",)))
    assert caught.value.cause == "env-missing"


def test_a_file_is_read_from_the_folder_of_the_configuration(
    surroundings: Surroundings, tmp_path: Path
) -> None:
    (tmp_path / "web.env").write_text("TOKEN=abc\n")
    assert surroundings.whole(managed(tmp_path, env_file=("web.env",)))["TOKEN"] == "abc"


def test_programs_are_looked_for_on_the_daemons_path(surroundings: Surroundings, tmp_path: Path) -> None:
    assert surroundings.search_path() == "/opt/bin:/bin"
    bare = Surroundings(find_home({"VISCRIPT_HOME": str(tmp_path)}), "abc", {}, Tokens(Identity(SEED)))
    assert bare.search_path()


def test_an_app_may_join_over_tcp_by_a_token_of_its_own(surroundings: Surroundings, tmp_path: Path) -> None:
    surroundings.tcp_endpoint = "tcp://0.0.0.0:7700"
    far = managed(tmp_path, join="tcp")
    found = surroundings.delta(far)
    assert found["VISCRIPT_ENDPOINT"] == found["SIGNAL_SERVER_ADDRESS"] == "tcp://127.0.0.1:7700"
    assert found["VISCRIPT_SERVER_KEY"] == Identity(SEED).curve().public.hex()
    secret = surroundings.token_key(far)
    assert secret is not None
    assert secret not in found.values()
    near = managed(tmp_path)
    assert surroundings.token_key(near) is None
    assert "VISCRIPT_SERVER_KEY" not in surroundings.delta(near)


def test_a_door_that_was_not_opened_is_named(surroundings: Surroundings, tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"bus: \{tcp: ") as caught:
        surroundings.delta(managed(tmp_path, join="tcp"))
    assert caught.value.cause == "bad-config"


@pytest.mark.parametrize(
    "bound,reached",
    [
        ("tcp://0.0.0.0:7700", "tcp://127.0.0.1:7700"),
        ("tcp://[::]:7700", "tcp://[::1]:7700"),
        ("tcp://10.0.0.1:7700", "tcp://10.0.0.1:7700"),
    ],
)
def test_a_door_open_to_all_is_reached_at_the_nearest_address(bound: str, reached: str) -> None:
    assert reachable(bound) == reached
