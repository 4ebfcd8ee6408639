import fcntl
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_bus.environment import LOWEST_TOKEN_FD, read
from signal_bus.errors import BadEnvironment, NotSupervised

GIVEN = {
    "VISCRIPT_ENDPOINT": "ipc:///x/apps.ipc",
    "VISCRIPT_HOME_ID": "abc",
    "VISCRIPT_SEQ": "7",
    "VISCRIPT_GENERATION": "3",
}


def test_a_daemon_gives_where_and_who() -> None:
    settings = read(GIVEN)
    assert (settings.endpoint, settings.home_id) == ("ipc:///x/apps.ipc", "abc")
    assert (settings.seq, settings.generation) == (7, 3)


def test_the_originals_names_are_read_too() -> None:
    settings = read({"SIGNAL_CLIENT": "1", "SIGNAL_CLIENT_ID": "9", "SIGNAL_SERVER_ADDRESS": "ipc:///x"})
    assert (settings.endpoint, settings.seq) == ("ipc:///x", 9)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"VISCRIPT_SEQ": "7"},
        {"SIGNAL_CLIENT": "0", "SIGNAL_SERVER_ADDRESS": "ipc:///x"},
        {"SIGNAL_CLIENT": "1", "SIGNAL_SERVER_ADDRESS": "localhost:7999"},  # the original's own server
    ],
)
def test_a_program_started_by_hand_is_told_so(environ: dict[str, str]) -> None:
    with pytest.raises(NotSupervised, match="VISCRIPT_ENDPOINT is not set"):
        read(environ)


@pytest.mark.parametrize(
    "name, value",
    [
        ("VISCRIPT_ENDPOINT", "udp://x"),
        ("VISCRIPT_SEQ", "seven"),
        ("VISCRIPT_SEQ", "-7"),
        ("VISCRIPT_SEQ", "7" * 30),
        ("VISCRIPT_GENERATION", "1.5"),
        ("VISCRIPT_TOKEN_FD", "3"),
        ("VISCRIPT_SERVER_KEY", "abc"),
        ("VISCRIPT_IDENTITY", "relative"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    with pytest.raises(BadEnvironment) as caught:
        read({**GIVEN, name: value})
    assert caught.value.name == name


@given(st.dictionaries(st.sampled_from([*GIVEN, "VISCRIPT_SERVER_KEY", "VISCRIPT_IDENTITY"]), st.text()))
def test_any_environment_is_settings_or_a_clear_error(environ: dict[str, str]) -> None:
    try:
        read(environ)
    except (NotSupervised, BadEnvironment):
        pass


def test_a_token_is_read_once_and_its_descriptor_closed() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"secret\n")
    os.close(writing)
    high = fcntl.fcntl(reading, fcntl.F_DUPFD, LOWEST_TOKEN_FD)
    os.close(reading)
    environ = {**GIVEN, "VISCRIPT_TOKEN_FD": str(high)}
    settings = read(environ)
    assert settings.token == "secret"
    assert "secret" not in repr(settings)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(high)
    assert read(environ).token == ""


def test_a_child_does_not_take_what_is_not_its_token(tmp_path: Path) -> None:
    high = fcntl.fcntl(os.open(tmp_path, os.O_RDONLY), fcntl.F_DUPFD, LOWEST_TOKEN_FD)
    try:
        assert read({**GIVEN, "VISCRIPT_TOKEN_FD": str(high)}).token == ""
        os.fstat(high)  # it is still open
    finally:
        os.close(high)


def test_a_pipe_that_says_nothing_is_not_waited_for() -> None:
    reading, writing = os.pipe()
    high = fcntl.fcntl(reading, fcntl.F_DUPFD, LOWEST_TOKEN_FD)
    try:
        assert read({**GIVEN, "VISCRIPT_TOKEN_FD": str(high)}).token == ""
        os.fstat(high)
    finally:
        for descriptor in (reading, writing, high):
            os.close(descriptor)


def test_keys_are_hexadecimal() -> None:
    settings = read({**GIVEN, "VISCRIPT_SERVER_KEY": "ab" * 32, "VISCRIPT_IDENTITY": "/keys/identity"})
    assert settings.server_key == b"\xab" * 32
    assert settings.identity == "/keys/identity"
