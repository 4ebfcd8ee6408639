"""Addresses of a visor, and sockets whose path is too long for the kernel."""

import contextlib
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mesh.errors import CallerError
from components.visor.apps import place
from components.visor.apps.place import (
    HostPort,
    default_path,
    is_here,
    name_in_home,
    parse,
    port_link,
    same_user,
    short,
)


def test_the_forms_of_an_address() -> None:
    assert parse("./a.sock") == Path("a.sock")
    assert parse("/run/a:5") == Path("/run/a:5")
    assert parse("localhost:5505") == HostPort("localhost", 5505)
    assert parse("[::1]:5505") == HostPort("::1", 5505)


@pytest.mark.parametrize("text", ["", "host", "host:", "host:0", "host:65536", "host:x", "host:²"])
def test_other_texts_are_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(CallerError, match="write a path"):
        parse(text)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_a_fault(text: str) -> None:
    with contextlib.suppress(CallerError):
        assert isinstance(parse(text), Path | HostPort)


def test_the_usual_place_is_in_the_home() -> None:
    assert default_path({"VISCRIPT_HOME": "/h"}) == Path("/h/state/visor/app.sock")
    assert default_path({"XDG_STATE_HOME": "/s"}) == Path("/s/viscript/state/visor/app.sock")
    assert default_path({"XDG_STATE_HOME": "s"}).match(".local/state/viscript/state/visor/app.sock")
    assert port_link(Path("/h/app.sock"), 5505) == Path("/h/port-5505.sock")


def test_a_visor_that_a_daemon_started_knows_where_its_home_looks_for_it() -> None:
    found = name_in_home({"VISCRIPT_STATE": "/h/state/visor"})
    assert found == default_path({"VISCRIPT_HOME": "/h"}) == default_path({"VISCRIPT_STATE": "/h/state/chat"})
    assert name_in_home({"VISCRIPT_STATE": "/h/state/visor-ben"}) is None
    assert name_in_home({}) is None


def test_addresses_of_this_host_are_known() -> None:
    assert is_here("localhost")
    assert is_here("127.0.0.1")
    assert not is_here("192.0.2.1")
    assert not is_here("somewhere.example")


def test_a_long_path_has_a_short_name(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    with short(folder / "s") as name, socket.socket(socket.AF_UNIX) as sock:
        sock.bind(name)
    assert (folder / "s").is_socket()


def test_the_same_user_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    assert same_user(ours)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.setattr(place, "_CREDENTIALS", type("C", (), {"size": 12, "unpack": lambda *_: (1, 7, 1)})())
    assert not same_user(ours)
    monkeypatch.delattr(socket, "SO_PEERCRED")
    assert same_user(ours)
    ours.close()
    theirs.close()


def test_an_app_of_a_daemon_finds_the_visor_of_its_home_beside_its_own_state() -> None:
    found = place.default_path({"VISCRIPT_STATE": "/home/x/state/socks-client"})
    assert found == Path("/home/x/state/visor/app.sock")
