"""Listening sockets that are held for apps."""

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.keeper import TestKeeper, gone
from tests.support.programs import free_port
from tests.support.wait import eventually
from viscript.keeper import belongings
from viscript.keeper.belongings import Belongings
from viscript.keeper.drain import Note, copy
from viscript.keeper.fences import Fences
from viscript.keeper.groups import Groups
from viscript.keeper.instance import Instance, StopPlan
from viscript.keeper.loop import Loop
from viscript.keeper.protocol import Refusal
from viscript.keeper.sockets import Listen, Sockets
from viscript.keeper.spec import Policy, Spec

SERVED = Path(__file__).parents[2] / "e2e" / "programs" / "served.py"


def tcp(name: str = "web", port: int | None = None) -> Listen:
    return Listen(name, f"127.0.0.1:{port or free_port()}")


def connects(address: str) -> bool:
    family, where = socket.AF_INET, ("127.0.0.1", 0)
    if address.startswith("unix:"):
        family, where = socket.AF_UNIX, address.removeprefix("unix:")  # type: ignore[assignment]  # by family
    else:
        where = ("127.0.0.1", int(address.rpartition(":")[2]))
    with socket.socket(family) as sock:
        return sock.connect_ex(where) == 0


@pytest.fixture
def sockets() -> object:
    made = Sockets()
    yield made
    made.leave()


def test_what_is_open_stays_open_under_any_name(sockets: Sockets) -> None:
    listen = tcp()
    (fd,) = sockets.prepare(7, (listen,))
    assert fd >= 64
    assert sockets.prepare(7, (listen._replace(name="other", backlog=5),)) == (fd,)
    assert connects(listen.address)


def test_what_is_not_wanted_any_more_is_closed(sockets: Sockets) -> None:
    first, second = tcp("a"), tcp("b")
    fds = sockets.prepare(7, (first, second))
    assert sockets.prepare(7, (second,)) == fds[1:]
    assert not connects(first.address)
    assert sockets.prepare(7, ()) == ()
    assert not connects(second.address)


def test_a_run_that_made_it_not_wait_does_not_pass_that_on(sockets: Sockets) -> None:
    listen = tcp()
    (fd,) = sockets.prepare(7, (listen,))
    os.set_blocking(fd, False)
    sockets.prepare(7, (listen,))
    assert os.get_blocking(fd)


def test_a_unix_socket_has_its_mode_and_goes_with_its_file(sockets: Sockets, short_tmp: Path) -> None:
    path = short_tmp / "web.sock"
    sockets.prepare(7, (Listen("web", f"unix:{path}", mode=0o640),))
    assert path.stat().st_mode & 0o777 == 0o640
    assert connects(f"unix:{path}")
    sockets.close(7)
    assert not path.exists()


def test_the_file_of_another_stays(sockets: Sockets, short_tmp: Path) -> None:
    path = short_tmp / "web.sock"
    sockets.prepare(7, (Listen("web", f"unix:{path}"),))
    path.rename(short_tmp / "aside")
    path.touch()
    sockets.close(7)
    assert path.exists()


@pytest.mark.parametrize("mode", [None, 0o666])
def test_one_whose_file_was_taken_away_is_made_anew_for_the_next_run(
    sockets: Sockets, short_tmp: Path, mode: int | None
) -> None:
    path = short_tmp / "web.sock"
    listen = Listen("web", f"unix:{path}", mode=mode)
    sockets.prepare(7, (listen,))
    path.unlink()  # as programs do that think it is theirs
    sockets.prepare(7, (listen,))
    assert connects(listen.address)


def test_one_that_a_run_has_shut_down_is_made_anew_for_the_next_run(
    sockets: Sockets, short_tmp: Path
) -> None:
    for listen in (Listen("web", f"unix:{short_tmp}/web.sock"), tcp()):
        (fd,) = sockets.prepare(7, (listen,))
        with socket.socket(fileno=os.dup(fd)) as of_the_run:
            of_the_run.shutdown(socket.SHUT_RDWR)
        assert not connects(listen.address)
        sockets.prepare(7, (listen,))
        assert connects(listen.address)


def test_a_link_in_place_of_the_file_does_not_lead_the_mode_astray(sockets: Sockets, short_tmp: Path) -> None:
    path, other = short_tmp / "web.sock", short_tmp / "other"
    other.touch(0o600)
    listen = Listen("web", f"unix:{path}", mode=0o666)
    sockets.prepare(7, (listen,))
    path.unlink()
    path.symlink_to(other)
    with pytest.raises(Refusal) as refused:
        sockets.prepare(7, (listen,))
    assert refused.value.code == "address-taken"
    assert other.stat().st_mode & 0o777 == 0o600
    sockets.close(7)
    assert path.is_symlink()


def test_a_changed_mode_is_set_while_it_stays_open(sockets: Sockets, short_tmp: Path) -> None:
    path = short_tmp / "web.sock"
    listen = Listen("web", f"unix:{path}", mode=0o600)
    fds = sockets.prepare(7, (listen,))
    assert sockets.prepare(7, (listen._replace(mode=0o660),)) == fds
    assert path.stat().st_mode & 0o777 == 0o660


def test_where_a_file_cannot_be_held_by_a_descriptor_its_mode_is_set_without_following_links(
    sockets: Sockets, short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int, bool]] = []

    def chmod(path: str, mode: int, *, follow_symlinks: bool) -> None:
        asked.append((path, mode, follow_symlinks))

    monkeypatch.delattr(os, "O_PATH")
    monkeypatch.setattr(os, "chmod", chmod)
    path = short_tmp / "web.sock"
    sockets.prepare(7, (Listen("web", f"unix:{path}", mode=0o606),))
    assert asked == [(str(path), 0o606, False)]


def test_what_a_killed_keeper_left_is_taken_away_and_what_lives_is_not(
    sockets: Sockets, short_tmp: Path
) -> None:
    path = short_tmp / "web.sock"
    listen = Listen("web", f"unix:{path}")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
        left.listen()
        with pytest.raises(Refusal, match=r"socket web: cannot listen on unix:.*: Address already in use"):
            sockets.prepare(7, (listen,))
    assert sockets.prepare(7, (listen,))
    sockets.close(7)
    path.write_text("not a socket")
    with pytest.raises(Refusal) as refused:
        sockets.prepare(7, (listen,))
    assert refused.value.code == "address-taken"
    assert path.read_text() == "not a socket"


def test_datagrams_and_the_other_family_are_held_too(sockets: Sockets) -> None:
    port = free_port()
    names = (Listen("udp", f"127.0.0.1:{port}", "datagram"), Listen("six", f"[::1]:{port}"))
    for fd, kind in zip(sockets.prepare(7, names), (socket.SOCK_DGRAM, socket.SOCK_STREAM), strict=True):
        with socket.socket(fileno=os.dup(fd)) as sock:
            assert sock.type == kind
            assert sock.getsockname()[1] == port


def test_two_apps_do_not_share_an_address(sockets: Sockets) -> None:
    listen = tcp()
    sockets.prepare(7, (listen,))
    with pytest.raises(Refusal, match=r"it is held for \[7\] here") as refused:
        sockets.prepare(8, (listen,))
    assert refused.value.code == "address-taken"


def test_an_address_that_is_not_ours_is_another_fault(sockets: Sockets) -> None:
    with pytest.raises(Refusal) as refused:
        sockets.prepare(7, (Listen("web", "192.0.2.1:80"),))
    assert refused.value.code == "no-address"


def served(keeper: TestKeeper, *listens: Mapping[str, object], **more: object) -> dict[str, object]:
    return keeper.spec(7, sys.executable, "-S", str(SERVED), sockets=list(listens), **more)


def launched(keeper: TestKeeper, gen: int = 1, **more: object) -> str:
    address = f"127.0.0.1:{free_port()}"
    spec = served(keeper, {"name": "web", "address": address}, **more)
    keeper.client.request("launch", seq=7, gen=gen, spec=spec, policy={"delay": 0.01, "settle": 0})
    return address


def test_a_trial_tells_what_could_not_be_opened_and_changes_nothing(
    sockets: Sockets, short_tmp: Path
) -> None:
    free, mine, theirs = tcp("free"), tcp("mine"), tcp("theirs")
    path = short_tmp / "web.sock"
    sockets.prepare(7, (mine,))
    sockets.prepare(8, (theirs,))
    before = list(sockets.held())
    wanted = (free, mine, theirs, Listen("file", f"unix:{path}"), Listen("gone", "unix:/no/such/folder/s"))
    refused = {listen.name: why for listen, why in sockets.trial(7, wanted)}
    assert {name: why.code for name, why in refused.items()} == {
        "theirs": "address-taken",
        "gone": "no-address",
    }
    assert "it is held for [8] here" in refused["theirs"].text
    assert list(sockets.held()) == before
    assert not connects(free.address)
    assert not path.exists()


def test_a_trial_of_the_same_port_at_another_host_is_not_refused_for_itself(sockets: Sockets) -> None:
    mine = tcp()
    sockets.prepare(7, (mine,))
    wider = mine._replace(address=mine.address.replace("127.0.0.1", "0.0.0.0"))
    assert list(sockets.trial(7, (wider,))) == []
    assert [listen for listen, _ in sockets.trial(8, (wider,))] == [wider]
    sockets.prepare(7, (wider,))


def test_the_keeper_tries_what_it_is_asked_to(keeper: TestKeeper) -> None:
    address = launched(keeper)
    spec = served(keeper, {"name": "web", "address": address})
    assert keeper.client.request("try", seq=7, spec=spec) == {"refused": []}
    (refused,) = keeper.client.request("try", seq=8, spec=spec)["refused"]
    assert (refused["address"], refused["kind"], refused["code"]) == (address, "stream", "address-taken")
    keeper.stop(7)


def test_a_run_finds_its_sockets_and_their_names(keeper: TestKeeper) -> None:
    first = {"name": "a", "address": f"127.0.0.1:{free_port()}"}
    second = {"name": "b", "address": f"[::1]:{free_port()}"}
    keeper.client.request("launch", seq=7, gen=1, spec=served(keeper, first, second))
    eventually(lambda: keeper.logged(7) == b"a:b 2\n")


def test_they_are_held_in_a_pause_and_over_an_upgrade(keeper: TestKeeper) -> None:
    address = f"127.0.0.1:{free_port()}"
    spec = served(keeper, {"name": "web", "address": address})
    answer = keeper.client.request("launch", seq=7, gen=1, spec=spec, policy={"delay": 60, "settle": 99})
    keeper.client.request("upgrade")
    keeper.connect()
    os.kill(answer["pid"], 9)
    gone(answer["pid"])
    eventually(lambda: keeper.record(7)["phase"] == "backoff")
    assert connects(address)
    keeper.client.request("retry", seq=7)
    assert keeper.client.event("spawned", seq=7)["gen"] == 2
    keeper.stop(7)
    assert not connects(address)


def test_a_stop_that_holds_waits_for_the_launch_and_a_second_stop_ends_that(keeper: TestKeeper) -> None:
    address = launched(keeper)
    assert keeper.stop(7, hold=True)["next"] == "stopped"
    assert connects(address)
    assert keeper.client.request("stop", seq=7)["accepted"] is False
    assert not connects(address)


def test_what_was_held_for_a_launch_is_not_held_over_an_upgrade(keeper: TestKeeper) -> None:
    address = launched(keeper)
    keeper.stop(7, hold=True)
    keeper.client.request("upgrade")
    keeper.connect()
    eventually(lambda: not connects(address))


def test_a_hold_has_an_end(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(belongings, "HOLD_S", 0.0)
    loop = Loop(lambda exc: None)
    fences = Fences(loop, Silent(), lambda kind, fields: None)
    mine = Belongings(str(short_tmp), loop, copy, Silent(), Groups(None), fences)
    instance = Instance(7, 1, "web", Spec(argv=("x",), sockets=(tcp(),)), Policy())
    mine.add(instance)
    mine.prepare(instance)
    instance.plan = StopPlan(ask=0, signum=15, grace=0, tree=True, began=0)
    instance.plan.hold = True
    mine.settle(instance)
    assert connects(instance.spec.sockets[0].address)
    loop.after(0.001, loop.stop)
    loop.run()
    assert not connects(instance.spec.sockets[0].address)
    mine.drop(instance)
    loop.close()


class Silent:
    """Hears nothing, and has no apps."""

    def __init__(self) -> None:
        self.apps: dict[int, Instance] = {}
        self.trees = self

    def stop(self, instance: Instance, plan: StopPlan, *, kill: bool = False) -> None:
        raise AssertionError(instance)

    def signal(self, instance: Instance) -> None:
        raise AssertionError(instance)

    def kill(self, instance: Instance) -> None:
        raise AssertionError(instance)

    def note(self, seq: int, stream: str, note: Note) -> None:
        raise AssertionError(note)

    def grown(self, seq: int, stream: str, end: int) -> None:
        raise AssertionError(end)


def test_a_launch_that_is_refused_holds_nothing(keeper: TestKeeper) -> None:
    listen = {"name": "web", "address": f"127.0.0.1:{free_port()}"}
    bad = {**served(keeper, listen), "argv": ["/no/such/program"]}
    with pytest.raises(Refusal):
        keeper.client.request("launch", seq=7, gen=1, spec=bad)
    assert not connects(str(listen["address"]))


def test_an_address_that_is_taken_when_it_restarts_is_waited_for(keeper: TestKeeper) -> None:
    address = launched(keeper)
    leader = keeper.record(7)["pid"]
    keeper.kill()
    keeper.start()
    other = socket.socket()
    keeper.client.request("update", seq=7, policy={"delay": 0.3, "settle": 99, "jitter": 0})
    os.kill(leader, 9)
    keeper.client.event("exited", seq=7)
    other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with other:
        other.bind(("127.0.0.1", int(address.rpartition(":")[2])))
        other.listen()
        assert keeper.client.event("spawn_failed", seq=7)["code"] == "address-taken"
    assert keeper.client.event("spawned", seq=7)
    keeper.stop(7)


@pytest.mark.parametrize(
    "listen",
    [
        {"name": "web"},
        {"name": "web", "address": "80"},
        {"name": "web", "address": "unix:web.sock"},
        {"name": "web", "address": "127.0.0.1:99999"},
        {"name": "web", "address": "127.0.0.1:80", "kind": "raw"},
        "web",
    ],
)
def test_a_socket_that_makes_no_sense_is_refused(keeper: TestKeeper, listen: object) -> None:
    spec = {**served(keeper), "sockets": [listen]}
    with pytest.raises(Refusal, match=r"spec\.sockets"):
        keeper.client.request("launch", seq=7, gen=1, spec=spec)
