"""The link to the keeper over real sockets: answers, events, refusals, silence, garbage and its death."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.support.keeper_end import Connection, KeeperEnd
from viscript.keeper.protocol import KeeperError as ProtocolRoot
from viscript.supervisor import keeper_link
from viscript.supervisor.keeper_link import KeeperLink
from viscript.supervisor.keeper_port import KeeperError

Json = dict[str, Any]


class Ear:
    """Notes what it is told, in order."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def resync(self, hello: Json) -> None:
        self.heard.append("resync")

    def event(self, event: Json) -> None:
        if event.get("ev") == "bad":
            raise RuntimeError("a bug")
        self.heard.append(event.get("ev"))

    def lost(self) -> None:
        self.heard.append("lost")


@pytest.fixture
async def end() -> AsyncIterator[KeeperEnd]:
    end = KeeperEnd()
    yield end
    end.close()


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
async def link(end: KeeperEnd, ear: Ear) -> AsyncIterator[KeeperLink]:
    link = KeeperLink(find=end.find, epoch=7, version="1.2", cursor=40)
    link.listener = ear
    yield link
    link.close()


@pytest.fixture
async def staying(link: KeeperLink, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """The link is connected and stays so; the list says how often a keeper was found again."""
    monkeypatch.setattr(keeper_link, "RETRY_SECONDS", (0.001,))
    found: list[str] = []
    await link.connect()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(link.stay_connected(lambda: found.append("found")))
        yield found
        task.cancel()


async def until(good: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not good():
            await asyncio.sleep(0)


def silent_but_for_hello(end: KeeperEnd) -> None:
    def handle(connection: Connection, request: Json) -> None:
        if request["op"] == "hello":
            end.accept(connection, request)

    end.handle = handle


async def test_hello_says_who_we_are_and_what_we_know(link: KeeperLink, end: KeeperEnd) -> None:
    end.hello["keeper_pid"] = 4711
    await link.connect()
    (hello,) = end.last.requests
    assert hello == {"id": 1, "op": "hello", "epoch": 7, "pid": os.getpid(), "version": "1.2", "cursor": 40}
    assert link.keeper_pid == 4711


async def test_a_request_gets_its_own_answer_in_any_order(link: KeeperLink, end: KeeperEnd) -> None:
    await link.connect()
    kept: list[Json] = []

    def handle(connection: Connection, request: Json) -> None:
        kept.append(request)
        if len(kept) == 2:
            connection.say(*[{"re": r["id"], "ok": {"was": r["op"]}} for r in reversed(kept)])

    end.handle = handle
    first, second = await asyncio.gather(link.ask("one", seq=1), link.ask("two", seq=2))
    assert (first, second) == ({"was": "one"}, {"was": "two"})
    assert kept[0]["seq"] == 1


async def test_a_refusal_is_an_error_with_its_code(link: KeeperLink, end: KeeperEnd) -> None:
    await link.connect()
    end.handle = lambda c, r: c.say({"re": r["id"], "err": {"code": "unknown", "text": "there is no app 7"}})
    with pytest.raises(KeeperError, match="there is no app 7") as caught:
        await link.ask("stop", seq=7)
    assert caught.value.code == "unknown"


async def test_a_daemon_that_a_newer_one_has_followed_is_told(link: KeeperLink, end: KeeperEnd) -> None:
    told: list[str] = []
    link.superseded = lambda: told.append("superseded")
    await link.connect()
    end.handle = lambda c, r: c.say({"re": r["id"], "err": {"code": "stale-epoch", "text": "a newer daemon"}})
    with pytest.raises(KeeperError, match="a newer daemon"):
        await link.ask("stop", seq=7)
    assert told == ["superseded"]


async def test_silence_ends_at_the_deadline(link: KeeperLink, end: KeeperEnd) -> None:
    await link.connect()
    silent_but_for_hello(end)
    with pytest.raises(KeeperError, match="did not answer stop within 0") as caught:
        await link.ask("stop", seq=7, deadline=0.02)
    assert caught.value.code == "timeout"


async def test_an_answer_after_the_deadline_is_nobodys(link: KeeperLink, end: KeeperEnd) -> None:
    await link.connect()
    silent_but_for_hello(end)
    with pytest.raises(KeeperError):
        await link.ask("stop", deadline=0.01)
    end.handle = end.accept
    end.last.say({"re": 2, "ok": {"late": True}})
    assert await link.ask("ping") == {"op": "ping"}


async def test_events_come_in_order_and_move_the_cursor(link: KeeperLink, end: KeeperEnd, ear: Ear) -> None:
    await link.connect()
    end.last.say(*[{"ev": f"e{n}", "cursor": 40 + n} for n in range(1, 4)], {"ev": "without"})
    await until(lambda: "without" in ear.heard)
    assert ear.heard == ["resync", "e1", "e2", "e3", "without"]
    assert link.cursor == 43


async def test_what_came_with_the_hello_is_told_after_the_records(
    link: KeeperLink, end: KeeperEnd, ear: Ear
) -> None:
    end.after_hello = ({"ev": "exited", "cursor": 41}, {"ev": "spawned", "cursor": 42})
    await link.connect()
    assert ear.heard == ["resync", "exited", "spawned"]
    assert link.cursor == 42


async def test_a_bug_in_hearing_one_event_does_not_end_the_link(
    link: KeeperLink, end: KeeperEnd, ear: Ear, caplog: pytest.LogCaptureFixture
) -> None:
    await link.connect()
    end.last.say({"ev": "bad"}, {"ev": "good"})
    await until(lambda: "good" in ear.heard)
    assert "keeper event bad failed" in caplog.text


async def test_what_is_told_is_sent_and_a_refusal_of_it_logged(
    link: KeeperLink, end: KeeperEnd, caplog: pytest.LogCaptureFixture
) -> None:
    await link.connect()
    end.handle = lambda c, r: c.say({"re": r["id"], "err": {"code": "unknown", "text": "no app 9"}})
    with caplog.at_level(logging.INFO):
        link.tell("retry", seq=9)
        await until(lambda: "no app 9" in caplog.text)
    assert end.last.requests[-1]["op"] == "retry"


async def test_what_is_told_before_there_is_a_keeper_is_sent_when_there_is_one(
    link: KeeperLink, end: KeeperEnd
) -> None:
    link.tell("watch", seq=1, on=True)
    await link.connect()
    await until(lambda: len(end.last.requests) == 2)
    assert [request["op"] for request in end.last.requests] == ["hello", "watch"]


async def test_a_keeper_that_cannot_be_started_is_an_error(link: KeeperLink, end: KeeperEnd) -> None:
    end.faults = [OSError(2, "No such file"), ProtocolRoot("it did not come up")]
    for words in ("No such file", "it did not come up"):
        with pytest.raises(KeeperError, match=words) as caught:
            await link.connect()
        assert caught.value.code == "gone"


async def test_a_keeper_that_refuses_us_is_left_alone(link: KeeperLink, end: KeeperEnd) -> None:
    end.handle = lambda c, r: c.say({"re": r["id"], "err": {"code": "stale-epoch", "text": "a newer daemon"}})
    with pytest.raises(KeeperError, match="a newer daemon"):
        await link.connect()
    await until(lambda: end.last.closed)
    end.handle = end.accept
    await link.connect()
    assert await link.ask("ping") == {"op": "ping"}


async def test_a_daemon_that_comes_up_is_the_newest_though_its_store_was_lost(
    link: KeeperLink, end: KeeperEnd
) -> None:
    def handle(connection: Connection, request: Json) -> None:
        if request["op"] == "ping":
            connection.say({"re": request["id"], "ok": {"epoch": 41}})
        elif request["op"] == "hello" and request["epoch"] < 42:
            connection.say({"re": request["id"], "err": {"code": "stale-epoch", "text": "a newer daemon"}})
        else:
            end.accept(connection, request)

    link.superseded = lambda: pytest.fail("it is the newest")
    end.handle = handle
    await link.connect()
    assert link.epoch == 42


async def test_a_keeper_that_never_says_hello_is_left_alone(
    link: KeeperLink, end: KeeperEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_link, "HELLO_SECONDS", 0.02)
    end.handle = lambda connection, request: None
    with pytest.raises(KeeperError, match="did not answer hello"):
        await link.connect()
    await until(lambda: end.last.closed)


async def test_a_keeper_that_dies_at_hello_is_an_error(link: KeeperLink, end: KeeperEnd) -> None:
    end.handle = lambda connection, request: end.kill()
    with pytest.raises(KeeperError) as caught:
        await link.connect()
    assert caught.value.code == "gone"


async def test_the_next_keeper_is_found_and_taken_over(
    link: KeeperLink, end: KeeperEnd, ear: Ear, staying: list[str]
) -> None:
    end.faults = [OSError("not yet"), OSError("not yet")]
    end.kill()
    await until(lambda: staying)
    assert ear.heard == ["resync", "lost", "resync"]
    assert await link.ask("ping") == {"op": "ping"}
    assert end.last.requests[0]["epoch"] == 7


async def test_a_request_that_a_dying_keeper_swallowed_goes_to_the_next(
    link: KeeperLink, end: KeeperEnd, staying: list[str]
) -> None:
    def die(connection: Connection, request: Json) -> None:
        end.handle = end.accept
        end.kill()

    end.handle = die
    assert await link.ask("launch", seq=3) == {"op": "launch"}
    assert [request["op"] for request in end.last.requests] == ["hello", "launch"]


async def test_while_it_is_away_what_is_told_waits(
    link: KeeperLink, end: KeeperEnd, ear: Ear, staying: list[str]
) -> None:
    end.faults = [OSError("not yet")] * 3
    end.kill()
    await until(lambda: "lost" in ear.heard)
    link.tell("signal", seq=1, signum=15)
    await until(lambda: staying)
    await until(lambda: len(end.last.requests) == 2)
    assert end.last.requests[1]["op"] == "signal"


async def test_a_request_while_it_is_away_has_its_deadline(link: KeeperLink) -> None:
    with pytest.raises(KeeperError) as caught:
        await link.ask("ping", deadline=0.01)
    assert caught.value.code == "timeout"


@pytest.mark.parametrize(
    "garbage",
    [
        b"this is no JSON\n",
        b"[1, 2]\n",
        b'{"re": 2}\n',
        b'{"re": 2, "ok": 5}\n',
        b'{"re": 2, "ok": {}, "fds": "x"}\n',
    ],
)
async def test_garbage_ends_the_connection_and_the_next_keeper_serves(
    link: KeeperLink, end: KeeperEnd, staying: list[str], garbage: bytes
) -> None:
    def babble(connection: Connection, request: Json) -> None:
        end.handle = end.accept
        connection.say(garbage)

    end.handle = babble
    assert await link.ask("ping") == {"op": "ping"}
    assert staying == ["found"]
    await until(lambda: end.connections[0].closed)


async def test_a_keeper_that_was_sent_away_is_not_missed(
    link: KeeperLink, end: KeeperEnd, staying: list[str], ear: Ear
) -> None:
    link.dismiss()
    await until(lambda: end.last.requests[-1]["op"] == "shutdown")
    end.kill()
    await until(lambda: link._socket is None)
    assert ear.heard == ["resync"]
    assert staying == []


async def test_descriptors_come_with_their_answer(link: KeeperLink, end: KeeperEnd) -> None:
    await link.connect()
    read, write = os.pipe()
    end.handle = lambda c, r: c.say({"re": r["id"], "ok": {"names": ["master"]}, "fds": 1}, fds=(write,))
    answer = await link.ask("fds", seq=1)
    (got,) = answer["fds"]
    os.write(got, b"x")
    assert os.read(read, 1) == b"x"
    for fd in (read, write, got):
        os.close(fd)


async def test_descriptors_that_nobody_waits_for_are_closed(link: KeeperLink, end: KeeperEnd) -> None:
    await link.connect()
    read, write = os.pipe()
    end.last.say({"re": 99, "ok": {}, "fds": 1}, fds=(write,))
    os.close(write)
    await until(lambda: _at_end(read))
    os.close(read)


async def test_descriptors_of_a_line_that_never_ended_are_closed(link: KeeperLink, end: KeeperEnd) -> None:
    await link.connect()
    read, write = os.pipe()
    end.last.say(b'{"re": 2, "ok": {', fds=(write,))
    os.close(write)
    await until(lambda: link._received)
    end.kill()
    await until(lambda: _at_end(read))
    os.close(read)


def _at_end(fd: int) -> bool:
    """Whether nobody holds the other end of a pipe any more."""
    os.set_blocking(fd, False)
    try:
        return os.read(fd, 1) == b""
    except BlockingIOError:
        return False


async def test_descriptors_are_given_beside_a_request(link: KeeperLink, end: KeeperEnd) -> None:
    await link.connect()
    read, write = os.pipe()
    link.give({"seq": 3}, [write])
    os.close(write)
    await until(lambda: end.last.fds)
    assert end.last.requests[-1]["op"] == "give"
    assert end.last.requests[-1]["fds"] == 1
    os.write(end.last.fds[0], b"x")
    assert os.read(read, 1) == b"x"
    os.close(read)


async def test_descriptors_for_a_keeper_that_is_away_stay_here(
    link: KeeperLink, caplog: pytest.LogCaptureFixture
) -> None:
    link.give({"seq": 3}, [0])
    assert "descriptors not given" in caplog.text


async def test_a_keeper_that_does_not_read_is_written_to_later(link: KeeperLink, end: KeeperEnd) -> None:
    await link.connect()
    loop = asyncio.get_running_loop()
    loop.remove_reader(end.last.socket)
    for number in range(20):
        link.tell("write", seq=number, data="x" * 100_000)
    assert link._unsent
    loop.add_reader(end.last.socket, end._readable, end.last)
    await until(lambda: len(end.last.requests) == 21)
    assert [request["seq"] for request in end.last.requests[1:]] == list(range(20))


async def test_a_keeper_that_never_reads_gets_no_more(
    link: KeeperLink, end: KeeperEnd, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(keeper_link, "WRITE_LIMIT", 500_000)
    await link.connect()
    asyncio.get_running_loop().remove_reader(end.last.socket)
    for _ in range(10):
        link.tell("write", seq=1, data="x" * 200_000)
    assert "the keeper does not read its requests" in caplog.text
    with pytest.raises(KeeperError) as caught:
        await link.ask("write", data="x" * 600_000)
    assert caught.value.code == "busy"


async def test_a_write_to_a_dead_keeper_is_its_end(
    link: KeeperLink, end: KeeperEnd, staying: list[str]
) -> None:
    end.kill()
    link.tell("ping")  # before the loop had a turn to notice
    await until(lambda: staying)


async def test_closing_twice_is_closing(link: KeeperLink) -> None:
    await link.connect()
    link.close()
    link.close()
    assert link.cursor == 40


async def test_what_still_waits_when_it_is_closed_is_told(link: KeeperLink, end: KeeperEnd) -> None:
    await link.connect()
    silent_but_for_hello(end)
    asking = asyncio.get_running_loop().create_task(link.ask("stop", deadline=0.2))
    await until(lambda: end.last.requests[-1]["op"] == "stop")
    link.close()
    with pytest.raises(KeeperError):
        await asking


async def test_a_keeper_we_started_is_buried(end: KeeperEnd, link: KeeperLink) -> None:
    pid = os.posix_spawn("/bin/true", ["true"], {})
    end.hello["keeper_pid"] = pid
    await link.connect()
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    end.hello["keeper_pid"] = 0
    link.close()
    await link.connect()
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


async def test_a_read_that_fails_is_its_end(
    link: KeeperLink, end: KeeperEnd, staying: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, refused = socket.recv_fds, list[int]()

    def refuse(sock: socket.socket, size: int, most: int) -> Any:
        if sock is link._socket and not refused:
            refused.append(1)
            raise ConnectionResetError("reset")
        return real(sock, size, most)

    monkeypatch.setattr(socket, "recv_fds", refuse)
    end.last.say({"ev": "x"})
    await until(lambda: staying)


async def test_a_keeper_of_another_version_is_asked_once_to_become_ours(
    link: KeeperLink, end: KeeperEnd
) -> None:
    end.hello["version"] = "1.1"
    await link.connect()
    await until(lambda: len(end.last.requests) > 1)
    assert end.last.requests[1]["op"] == "upgrade"
    link.close()
    await link.connect()
    await link.ask("ping")
    assert [request["op"] for request in end.last.requests] == ["hello", "ping"]


async def test_a_keeper_that_takes_none_of_the_descriptors_keeps_us_here(
    link: KeeperLink, end: KeeperEnd, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await link.connect()

    def broken(sock: socket.socket, data: list[bytes], fds: list[int]) -> int:
        raise BrokenPipeError("Broken pipe")

    with monkeypatch.context() as patch:
        patch.setattr(socket, "send_fds", broken)
        link.give({"seq": 3}, [0])
    assert "descriptors not given: Broken pipe" in caplog.text
    assert await link.ask("ping") == {"op": "ping"}


async def test_a_line_that_goes_out_in_pieces_is_whole(
    link: KeeperLink, end: KeeperEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    await link.connect()
    real = socket.send_fds

    def half(sock: socket.socket, data: list[bytes], fds: list[int]) -> int:
        return real(sock, [data[0][:5]], fds)

    read, write = os.pipe()
    with monkeypatch.context() as patch:
        patch.setattr(socket, "send_fds", half)
        link.give({"seq": 3}, [write])
    os.close(write)
    await until(lambda: end.last.requests[-1]["op"] == "give")
    assert len(end.last.fds) == 1
    os.close(read)
