"""What an app starts with."""

import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.keeper import TestKeeper
from tests.support.wait import eventually
from viscript.keeper.protocol import Refusal
from viscript.keeper.spawn import command, environment, find_program, try_out
from viscript.keeper.spec import Spec
from viscript.keeper.tokens import DESCRIPTOR, token_of

REPORT = """
import json, os, resource, signal, sys
print(json.dumps({
    "cwd": os.getcwd(), "umask": os.umask(0), "nice": os.nice(0), "uid": os.getuid(), "gid": os.getgid(),
    "groups": os.getgroups(), "nofile": resource.getrlimit(resource.RLIMIT_NOFILE),
    "core": resource.getrlimit(resource.RLIMIT_CORE), "env": dict(os.environ),
    "fds": sorted(map(int, os.listdir("/proc/self/fd"))),
    "ignored": [s for s in range(1, 32) if signal.getsignal(s) == signal.SIG_IGN],
    "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "sid": os.getsid(0) == os.getpid(), "argv": sys.argv[1:],
}), flush=True)
"""


def reported(keeper: TestKeeper, *argv: str, **spec: Any) -> dict[str, Any]:
    full = keeper.spec(7, sys.executable, "-S", "-c", REPORT, *argv, **spec)
    keeper.client.request("launch", seq=7, gen=4, spec=full)
    keeper.client.event("exited")
    told: dict[str, Any] = json.loads(eventually(lambda: keeper.logged(7)))
    return told


def test_it_starts_clean(keeper: TestKeeper) -> None:
    told = reported(keeper, "a b", "ä", cwd="/usr")
    assert told["cwd"] == "/usr"
    assert told["argv"] == ["a b", "ä"]
    assert told["sid"]
    assert (told["blocked"], set(told["ignored"]) - {signal.SIGPIPE, signal.SIGXFSZ}) == (0, set())
    assert set(told["fds"]) <= {0, 1, 2, 3}
    assert told["nofile"] == list(resource.getrlimit(resource.RLIMIT_NOFILE))


def test_it_gets_the_environment_that_was_ordered(keeper: TestKeeper) -> None:
    keeper.client.request("env", base={"KEPT": "1", "GONE": "1", "CHANGED": "1"})
    told = reported(keeper, env={"GONE": None, "CHANGED": "2", "NEW": "ü"})["env"]
    assert {name: told.get(name) for name in ("KEPT", "GONE", "CHANGED", "NEW")} == {
        "KEPT": "1",
        "GONE": None,
        "CHANGED": "2",
        "NEW": "ü",
    }
    assert (told["VISCRIPT_SEQ"], told["VISCRIPT_GENERATION"]) == ("7", "4")


def test_it_can_get_nothing_but_what_was_ordered() -> None:
    spec = Spec(("x",), env={"A": "1", "B": None}, inherit=False)
    assert environment({"PATH": "/bin"}, spec, 7, 1) == {
        "A": "1",
        "VISCRIPT_SEQ": "7",
        "VISCRIPT_GENERATION": "1",
    }


def test_the_helper_sets_what_only_the_new_process_can(keeper: TestKeeper) -> None:
    told = reported(keeper, umask="027", nice=3, rlimits={"nofile": [100, 200], "core": 0})
    assert (told["umask"], told["nice"]) == (0o027, 3)
    assert (told["nofile"], told["core"]) == ([100, 200], [0, 0])


def test_root_may_run_it_as_another_user_and_nobody_else_may(keeper: TestKeeper) -> None:
    if os.geteuid() == 0:
        spec = keeper.spec(7, "/usr/bin/id", user="nobody", group="nogroup")
        keeper.client.request("launch", seq=7, gen=1, spec=spec)
        keeper.client.event("exited")
        assert keeper.logged(7) == b"uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)\n"
    else:
        with pytest.raises(Refusal, match="only root"):
            reported(keeper, user="nobody")


SECRET_READER = """
import json, os, signal
fd = int(os.environ["VISCRIPT_TOKEN_FD"])
read = lambda: os.read(fd, 100).decode()
print(json.dumps([fd, read(), read(), os.listdir("/proc/self/fd")]), flush=True)
signal.pause()
"""


@pytest.mark.parametrize("more", [{}, {"nice": 1}, {"tty": True}])
def test_a_launch_finds_its_token_in_a_pipe_and_nowhere_else(
    keeper: TestKeeper, more: dict[str, Any]
) -> None:
    key = "ab" * 32
    spec = keeper.python(7, SECRET_READER, token_key=key, **more)
    keeper.client.request("launch", seq=7, gen=4, spec=spec)
    fd, token, rest, fds = json.loads(eventually(lambda: keeper.logged(7)))
    assert (fd, token, rest) == (DESCRIPTOR, token_of(key, 7, 4), "")
    assert {int(each) for each in fds} <= {0, 1, 2, 3, DESCRIPTOR}
    assert key not in json.dumps(keeper.client.request("stats"))


def test_each_launch_by_the_keeper_has_a_token_of_its_own(keeper: TestKeeper) -> None:
    key = "ab" * 32
    code = "import os, sys; print(os.read(50, 100).decode(), flush=True); sys.exit(1)"
    policy = {"policy": "on-failure", "delay": 0.01, "jitter": 0}
    spec = keeper.python(7, code, token_key=key)
    keeper.client.request("launch", seq=7, gen=1, spec=spec, policy=policy)
    wanted = [token_of(key, 7, gen) for gen in (1, 2)]
    assert eventually(lambda: keeper.logged(7).decode().split()[:2] == wanted)


def test_programs_are_found_as_a_shell_would(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "mine"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    environ = {"PATH": f"/nowhere:{program.parent}"}
    assert find_program(Spec(("mine",)), environ) == str(program)
    assert find_program(Spec(("bin/mine",), cwd=str(tmp_path)), {}) == str(program)
    assert find_program(Spec((str(program),)), {}) == str(program)


def test_what_cannot_be_executed_is_named(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    (tmp_path / "dangling").symlink_to("nothing")
    for name, code in (
        ("plain", "not-executable"),
        ("dangling", "not-found"),
        (".", "not-executable"),
        ("no", "not-found"),
    ):
        with pytest.raises(Refusal) as caught:
            find_program(Spec((f"./{name}",), cwd=str(tmp_path)), {})
        assert caught.value.code == code
        assert str(tmp_path) in caught.value.text


def test_a_missing_interpreter_is_named(keeper: TestKeeper, tmp_path: Path) -> None:
    program = tmp_path / "script"
    program.write_text("#!/no/interpreter\n")
    program.chmod(0o755)
    with pytest.raises(Refusal, match="interpreter"):
        keeper.client.request("launch", seq=7, gen=1, spec={"argv": [str(program)]})


def test_a_script_that_does_not_name_its_interpreter_is_told_so(keeper: TestKeeper, tmp_path: Path) -> None:
    program = tmp_path / "script"
    program.write_text("echo hello\n")
    program.chmod(0o755)
    with pytest.raises(Refusal, match="#! line"):
        keeper.client.request("launch", seq=7, gen=1, spec={"argv": [str(program)]})


@pytest.mark.parametrize(
    "spec, code",
    [
        (Spec(("x",), user="no-such-user"), "no-user"),
        (Spec(("x",), group="no-such-group"), "no-user"),
        (Spec(("x",), rlimits={"wishes": (3, 3)}), "bad-spec"),
    ],
)
def test_what_the_helper_could_not_do_is_refused_before(spec: Spec, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        command(spec, "/bin/x")
    assert caught.value.code == code


def test_a_plain_app_needs_no_helper() -> None:
    assert command(Spec(("x", "-a")), "/bin/x") == ("/bin/x", ["x", "-a"])


def test_a_version_that_does_not_load_is_refused() -> None:
    try_out(("/bin/echo", "ok"))
    for argv in (("/bin/false",), ("/no/such",)):
        with pytest.raises(Refusal):
            try_out(argv)
