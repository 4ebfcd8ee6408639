"""Apps that join the bus over tcp, by a token of their own."""

import socket
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from signal_bus.delegate import Refusal
from signal_bus.identity import load
from signal_bus.ids import Generation, SeqId, Session
from signal_bus.messages import Hello, Refuse
from signal_bus.testing import RawPeer
from signal_bus.tokens import curve_of
from tests.support.home import ScratchHome
from tests.support.wait import eventually
from viscript.daemon.tokens import Tokens

CLIENT = Path(__file__).parent / "programs" / "client.py"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def started(home: ScratchHome) -> int:
    """A daemon with one app that joins over tcp; the port."""
    port = free_port()
    app = f"{{command: [{sys.executable}, {CLIENT}], join: tcp, daemon: true, restart: {{delay: 10ms}}}}"
    home.start_daemon(f"bus: {{tcp: '127.0.0.1:{port}'}}\napps: {{far: {app}}}")
    home.viscript("s", "far").ok()
    assert eventually(lambda: pinged(home), deadline_s=15)  # a slow start counts as running before it joins
    return port


def pinged(home: ScratchHome) -> bool:
    answer = home.viscript("ping", "far", "-o", "json")
    return answer.code == 0 and answer.json()["kind"] == "bus"


def pid(home: ScratchHome) -> int:
    (row,) = home.viscript("la", "-o", "json").ok().json()
    found: int = row["pid"]
    return found


def token(home: ScratchHome, generation: int) -> str:
    return Tokens(load(home.root / "keys" / "identity")).token(1, generation)


def test_an_app_joins_answers_survives_a_killed_daemon_and_ends_when_asked(scratch_home: ScratchHome) -> None:
    port = started(scratch_home)
    before = pid(scratch_home)
    environ = Path(f"/proc/{before}/environ").read_bytes()
    assert f"VISCRIPT_ENDPOINT=tcp://127.0.0.1:{port}".encode() in environ
    scratch_home.kill_daemon()
    eventually(lambda: scratch_home.viscript("la").code == 0)
    assert eventually(lambda: pinged(scratch_home), deadline_s=15)
    assert pid(scratch_home) == before
    (ended,) = scratch_home.viscript("sd", "far", "-o", "json").ok().json()
    assert ended["rung"] == "bus"


def test_a_run_that_began_while_the_daemon_was_away_joins_the_next_one(scratch_home: ScratchHome) -> None:
    started(scratch_home)
    before = pid(scratch_home)
    scratch_home.kill_daemon()
    import psutil

    psutil.Process(before).kill()
    eventually(lambda: scratch_home.viscript("la").code == 0)
    assert eventually(lambda: pinged(scratch_home), deadline_s=15)
    assert pid(scratch_home) != before


async def refusal(port: int, home: ScratchHome, hello: Hello, key: str) -> Refusal:
    """What the door says to somebody with this hello, on a connection with the key of that token."""
    async with AsyncExitStack() as stack:
        server = load(home.root / "keys" / "identity").curve().public
        peer = RawPeer(f"tcp://127.0.0.1:{port}", curve=curve_of(key), server_key=server)
        answer = await (await stack.enter_async_context(peer)).ask(hello)
        assert isinstance(answer.body, Refuse)
        assert answer.envelope.err is not None
        return Refusal(answer.envelope.err.code, answer.envelope.err.text, answer.envelope.err.retry)


def hello(generation: int, word: str) -> Hello:
    return Hello(seq=SeqId(1), generation=Generation(generation), session=Session("b" * 16), token=word)


async def test_who_cannot_prove_itself_is_refused_and_told_of(scratch_home: ScratchHome) -> None:
    port = started(scratch_home)
    scratch_home.viscript("restart", "far").ok()
    assert eventually(lambda: pinged(scratch_home))
    old, new = token(scratch_home, 1), token(scratch_home, 2)
    tries = {
        "no-token": hello(2, ""),
        "wrong-token": hello(2, old),
        "used-token": hello(2, new),
        "stale": hello(1, old),
    }
    for code, said in tries.items():
        assert (await refusal(port, scratch_home, said, new)).code == code
    assert (await refusal(port, scratch_home, hello(1, old), old)).code == "stale"
    assert pinged(scratch_home)  # the right one did not suffer
    events = scratch_home.viscript("events", "-o", "json").ok().json()
    told = {event["data"]["code"] for event in events if event["type"] == "bus.refused"}
    assert told == set(tries)


async def test_a_token_that_was_used_stays_so_over_a_killed_daemon(scratch_home: ScratchHome) -> None:
    port = started(scratch_home)
    import psutil

    app = psutil.Process(pid(scratch_home))
    app.suspend()  # it does not join again: the thief is alone with the new daemon
    scratch_home.kill_daemon()
    eventually(lambda: scratch_home.viscript("la").code == 0)
    word = token(scratch_home, 1)
    assert (await refusal(port, scratch_home, hello(1, word), word)).code == "used-token"
    app.resume()
    assert eventually(lambda: pinged(scratch_home), deadline_s=15)


def test_no_token_is_written_anywhere(scratch_home: ScratchHome) -> None:
    started(scratch_home)
    words = [token(scratch_home, generation) for generation in (1, 2)]
    shown = [
        ["status", "far"],
        ["la", "-a"],
        ["why", "far"],
        ["events"],
        ["config", "show"],
        ["inspect", "far"],
    ]
    for argv in shown:
        answer = scratch_home.viscript(*argv, "-o", "json")
        assert not any(word in answer.out + answer.err for word in words), argv
    for path in scratch_home.root.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not any(word.encode() in data for word in words), path
