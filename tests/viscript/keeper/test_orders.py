"""What the daemon may ask of the keeper."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.keeper import TestKeeper, is_running
from tests.support.wait import eventually
from viscript.keeper.protocol import Json, Refusal

SLEEP = "import time; time.sleep(1000)"
OPERATIONS = (
    *("launch", "update", "reached", "stop", "kill", "restart", "retry", "signal", "forget"),
    *("write", "resize", "watch", "fds", "give", "env"),
)


def test_a_signal_reaches_the_leader_or_the_whole_tree(any_keeper: TestKeeper) -> None:
    code = (
        "import os,signal,time\n"
        "signal.signal(signal.SIGUSR1, lambda *a: os.write(1, b'got it\\n'))\n"
        "os.fork()\nos.write(1, b'up\\n')\nwhile True: time.sleep(0.01)"
    )
    any_keeper.launch(7, code)
    eventually(lambda: any_keeper.logged(7).count(b"up") == 2)
    assert any_keeper.client.request("signal", seq=7, signum=10) == {"sent": 1}
    eventually(lambda: any_keeper.logged(7).count(b"got it") == 1)
    assert any_keeper.client.request("signal", seq=7, signum="USR1", tree=True) == {"sent": 2}
    eventually(lambda: any_keeper.logged(7).count(b"got it") == 3)


def test_a_stopped_app_takes_no_signal(keeper: TestKeeper) -> None:
    keeper.launch(7, SLEEP)
    keeper.stop(7)
    with pytest.raises(Refusal, match="7 is stopped"):
        keeper.client.request("signal", seq=7, signum=10)


@pytest.mark.parametrize("signum", [0, -1, 99, "NOPE", None, True, 1.5])
def test_what_is_no_signal_is_refused(keeper: TestKeeper, signum: object) -> None:
    keeper.launch(7, SLEEP)
    with pytest.raises(Refusal, match="no signal"):
        keeper.client.request("signal", seq=7, signum=signum)


def test_an_app_that_runs_is_not_forgotten(keeper: TestKeeper) -> None:
    keeper.launch(7, SLEEP)
    with pytest.raises(Refusal, match="7 is running"):
        keeper.client.request("forget", seq=7)


def test_a_forgotten_app_is_gone_with_its_logs_if_wished(keeper: TestKeeper) -> None:
    for seq, logs in ((7, True), (8, False)):
        keeper.launch(seq, "print('x')")
        keeper.client.event("exited", seq=seq)
        eventually(lambda seq=seq: keeper.logged(seq))  # type: ignore[misc]  # a default binds it
        keeper.client.request("forget", seq=seq, logs=logs)
    assert not (keeper.folder / "logs" / "7").exists()
    assert keeper.logged(8) == b"x\n"
    keeper.kill()
    keeper.start()
    assert keeper.hello["instances"] == []


def test_an_update_holds_for_the_next_run(keeper: TestKeeper) -> None:
    keeper.launch(7, SLEEP)
    keeper.client.request(
        "update",
        seq=7,
        name="new",
        spec=keeper.python(7, "print('second')"),
        policy={"policy": "always", "delay": 99},
    )
    keeper.client.request("restart", seq=7, grace=5)
    assert keeper.client.event("exited", code=0)["next"] == "restart"
    assert keeper.logged(7) == b"second\n"
    assert keeper.record(7)["name"] == "new"


def test_a_wrong_update_changes_nothing(keeper: TestKeeper) -> None:
    keeper.launch(7, SLEEP)
    with pytest.raises(Refusal, match=r"policy\.delay"):
        keeper.client.request("update", seq=7, spec={"argv": ["ls"]}, policy={"delay": "soon"})
    assert b"sleep" in Path(keeper.places.journal).read_bytes()
    assert b'"ls"' not in Path(keeper.places.journal).read_bytes()


def test_what_reached_running_in_an_earlier_run_does_not_count(keeper: TestKeeper) -> None:
    keeper.launch(7, SLEEP)
    keeper.client.request("reached", seq=7, gen=99)
    assert keeper.record(7)["reached"] is False


def test_descriptors_are_duplicates(keeper: TestKeeper) -> None:
    pid = keeper.launch(7, SLEEP, stdin="pipe", merge=False)
    held = keeper.client.fds(7)
    assert set(held) == {"out", "err", "in"}
    for fd in held.values():
        os.close(fd)
    assert is_running(pid)


def test_a_terminal_is_given_to_apps_that_have_one(keeper: TestKeeper) -> None:
    keeper.launch(7, SLEEP)
    with Path("/dev/null").open() as null, pytest.raises(Refusal, match="no terminal"):
        keeper.client.request("give", seq=7, fds=(null.fileno(),))
    with pytest.raises(Refusal, match="one descriptor"):
        keeper.client.request("give", seq=7)


def test_secrets_are_in_no_answer(keeper: TestKeeper) -> None:
    keeper.launch(7, SLEEP, env={"TOKEN": "hunter2"})
    keeper.connect(keeper.hello["cursor"])
    told = json.dumps([keeper.hello, keeper.client.events(0.1), keeper.client.request("stats")])
    assert "hunter2" not in told
    assert Path(keeper.places.journal).stat().st_mode & 0o77 == 0


JSON = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
FIELDS = (
    "gen",
    "spec",
    "policy",
    "ask",
    "grace",
    "signal",
    "signum",
    "tree",
    "data",
    "cols",
    "rows",
    "on",
    "base",
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    op=st.sampled_from(OPERATIONS),
    seq=st.just(7) | JSON,
    fields=st.dictionaries(
        st.sampled_from(FIELDS), JSON | st.dictionaries(st.text(max_size=5), JSON, max_size=3)
    ),
)
def test_any_request_is_answered_and_none_breaks_the_keeper(
    keeper: TestKeeper, op: str, seq: object, fields: Json
) -> None:
    code = ""
    try:
        keeper.client.request(op, seq=seq, **fields)
    except Refusal as refusal:
        code = refusal.code
    assert code != "internal"


def test_a_run_that_counts_as_failed_is_restarted_and_the_last_is_not(keeper: TestKeeper) -> None:
    well = (
        "import signal, sys, time; signal.signal(15, lambda *a: sys.exit(0)); print(1, flush=True)\n"
        "time.sleep(1000)"
    )
    keeper.launch(7, well, policy={"settle": 0})
    eventually(lambda: keeper.logged(7))
    keeper.client.request("failed", seq=7, gen=99)  # of another run: nothing
    keeper.client.request("failed", seq=7, gen=1)
    keeper.client.request("signal", seq=7, signum=15, tree=True)
    assert keeper.client.event("exited", seq=7)["next"] == "restart"
    eventually(lambda: len(keeper.logged(7)) == 4)
    keeper.client.request("failed", seq=7, gen=2, last=True)
    keeper.client.request("failed", seq=7, gen=2)  # once the last, it stays the last
    keeper.kill()
    keeper.start()
    keeper.client.request("signal", seq=7, signum=15, tree=True)
    assert keeper.client.event("exited", seq=7)["next"] == "fatal"
