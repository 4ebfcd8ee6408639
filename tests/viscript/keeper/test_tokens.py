"""The secret of a launch, and the pipe it comes in."""

import os
import resource

import pytest

from viscript.keeper.protocol import Refusal
from viscript.keeper.tokens import DESCRIPTOR, pipe, token_of

KEY = bytes(range(32)).hex()


def test_each_launch_of_each_app_has_its_own() -> None:
    launches = [(KEY, 7, 1), (KEY, 7, 2), (KEY, 71, 1), ("f" * 64, 7, 1)]
    made = {token_of(*launch) for launch in launches}
    assert len(made) == len(launches)
    assert token_of(KEY, 7, 1) in made
    assert all(len(bytes.fromhex(token)) == 32 for token in made)


def test_an_app_without_a_key_has_none() -> None:
    assert token_of(None, 7, 1) == ""
    with pipe("") as handed:
        assert handed == {}


def test_a_pipe_holds_it_once() -> None:
    with pipe("secret") as handed:
        ((ours, its),) = handed.items()
        assert its == DESCRIPTOR
        assert ours > its  # it never has the number it is to get
        assert not os.get_inheritable(ours)
        assert os.read(ours, 100) == b"secret"
        assert os.read(ours, 100) == b""
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(ours)


def test_without_descriptors_the_launch_is_refused() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(os.listdir("/dev/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        with pytest.raises(Refusal, match="no pipe for its token") as caught, pipe("secret"):
            raise AssertionError("there is no pipe")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert caught.value.code == "spawn"
    assert len(os.listdir("/dev/fd")) == used
