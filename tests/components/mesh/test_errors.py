import os
import socket

from components.mesh.errors import (
    Busy,
    MeshError,
    PeerError,
    Refused,
    RemoteError,
    TimedOut,
    WorldError,
    reason,
)


def test_each_sentence_names_what_is_known() -> None:
    assert str(RemoteError("not-allowed", "port 45")) == "not-allowed: port 45"
    assert str(Refused("busy")) == "busy"
    assert str(TimedOut("dial", 5.0)) == "no answer to dial within 5 s"
    assert str(Busy("requests", 64)) == "requests: 64 are under way already"


def test_a_class_tells_who_is_wrong() -> None:
    assert issubclass(Refused, PeerError)
    assert issubclass(TimedOut, WorldError)
    assert issubclass(TimedOut, TimeoutError)
    assert issubclass(Busy, MeshError)


def test_the_systems_own_words_are_used() -> None:
    assert reason(ConnectionRefusedError(111, "Connect call failed")) == os.strerror(111)
    assert reason(socket.gaierror(-2, "Name or service not known")) == "Name or service not known"
    assert reason(OSError("plain words")) == "plain words"
