"""The sockets of a dial are always somebody's."""

import socket

import pytest

from components.mesh.errors import BadKey
from components.visor.apps.dials import Ends, failed, policy_of
from components.visor.apps.messages import Dial
from components.visor.groups.path import Policy
from tests.support.mesh import ALICE, BOB

A, B = ALICE.public_key, BOB.public_key


def test_what_is_not_given_away_is_closed() -> None:
    ends = Ends(None)
    app = ends.give_app()
    ends.close()
    assert app is not None
    assert app.recv(1) == b""
    app.close()


def test_a_socket_handed_over_is_the_meshs_end() -> None:
    ours, theirs = socket.socketpair()
    ends = Ends(theirs)
    assert ends.give_app() is None
    assert ends.give_mesh() is theirs
    ends.close()
    assert theirs.fileno() != -1
    ours.close()
    theirs.close()


def test_the_policy_is_what_was_asked_for() -> None:
    assert policy_of(Dial(1, A, 7, 2, (B,), "g")) == Policy(2, (B,), "g")
    with pytest.raises(BadKey):
        policy_of(Dial(1, A, 7, hops=(b"\xff" * 32,)))


def test_a_long_reason_is_cut() -> None:
    assert len(failed(1, BadKey("x" * 1000)).text) == 512


def test_first_bytes_are_as_if_the_app_had_written_them() -> None:
    ends = Ends(None, b"hello")
    mesh = ends.give_mesh()
    assert mesh.recv(10) == b"hello"
    mesh.close()
    ends.close()
