"""The verbs, over a daemon that is not there."""

from typing import Any

import pytest

from plugins.vpn import verbs
from tests.support.vpn import namespace
from viscript.plugin import Answer, ExitCode, VerbCall, VerbError
from viscript.pluginhost.wire import CallData

UP = {"split": None, "direct": None, "kill_switch": False, "dry_run": False}


class Daemon:
    """Answers `la` with these rows, methods as `figures` says, and notes what else it is asked."""

    def __init__(self, *apps: str, state: str = "up", **figures: Any) -> None:
        self.rows = [
            {"id": number, "name": app, "app": app, "state": "ready"} for number, app in enumerate(apps, 1)
        ]
        self.asked: list[list[Any]] = []
        self.figures = {"state": state, "why": "", **figures}

    async def ask(self, what: str, value: object) -> Any:
        assert isinstance(value, list)
        if value == ["la"]:
            return self.rows
        self.asked.append(value)
        return self.figures if what == "rpc" else {"id": 9}


def call(daemon: Daemon, **args: Any) -> VerbCall:
    return VerbCall(CallData(args=args), daemon)


async def test_up_starts_a_client_and_tells_how_far_it_came() -> None:
    daemon = Daemon("visor", state="up, not confirmed")
    given = {**UP, "split": ["10.0.0.0/8", "fd00::/8"], "kill_switch": True, "direct": ["10.1.0.0/16"]}
    answer = await verbs.up(call(daemon, peer="mike", **given))
    words = ["--peer", "mike", "--kill-switch", "--split", "10.0.0.0/8,fd00::/8", "--direct", "10.1.0.0/16"]
    assert daemon.asked[0] == ["start", "vpn-client", "--", *words]
    assert daemon.asked[1][:2] == ["9", "until_up"]
    assert "vpn confirm" in answer.notes[0]


async def test_up_says_why_there_is_no_tunnel_yet() -> None:
    answer = await verbs.up(call(Daemon(state="dialling", why="no way"), peer="mike", **UP))
    assert (answer.code, answer.notes) == (1, ("no tunnel yet: no way; it is tried again until `vpn down`",))
    assert (await verbs.up(call(Daemon(), peer="mike", **UP))).notes == ()


async def test_up_is_refused_while_one_runs_but_not_for_one_that_gave_up() -> None:
    with pytest.raises(VerbError, match=r"vpn-client .1. runs already"):
        await verbs.up(call(Daemon("vpn-client"), peer="mike", **UP))
    daemon = Daemon("meshnet-vpn-client", state="given up")
    await verbs.up(call(daemon, peer="mike", **UP))
    assert daemon.asked[1] == ["stop", "1"]


async def test_up_takes_the_place_of_one_that_cannot_start() -> None:
    class Failing(Daemon):
        async def ask(self, what: str, value: object) -> Any:
            if isinstance(value, list) and value[:2] == ["1", "status"]:
                raise VerbError(ExitCode.NOT_HEALTHY, "it is in backoff")
            return await super().ask(what, value)

    daemon = Failing("vpn-client")
    await verbs.up(call(daemon, peer="mike", **UP))
    assert daemon.asked[0] == ["stop", "1"]


async def test_up_refuses_a_network_that_is_none_before_anything_else() -> None:
    daemon = Daemon()
    with pytest.raises(VerbError, match=r"--split: .*10.0.0.0/33.* would be one") as caught:
        await verbs.up(call(daemon, peer="mike", **{**UP, "split": ["10.0.0.0/33"]}))
    assert (caught.value.code, daemon.asked) == (ExitCode.USAGE, [])


async def test_up_changes_nothing_when_it_is_dry() -> None:
    daemon = Daemon()
    with namespace():
        answer = await verbs.up(call(daemon, peer="mike", **{**UP, "dry_run": True}))
    assert isinstance(answer, Answer)
    assert daemon.asked == []


async def test_down_stops_the_clients_and_takes_back_what_is_left() -> None:
    daemon = Daemon("vpn-server", "vpn-client")
    await verbs.down(call(daemon))
    assert daemon.asked == [["stop", "2"], ["start", "--wait-for", "done", "vpn-restore"]]
    idle = Daemon()
    await verbs.down(call(idle))
    assert idle.asked == [["start", "--wait-for", "done", "vpn-restore"]]


async def test_confirm_and_check_ask_the_client() -> None:
    rows = [{"check": "x", "ok": True, "text": ""}]
    daemon = Daemon("vpn-client", passed=True, rows=rows)
    assert (await verbs.confirm(call(daemon)))[0]["state"] == "up"
    passed = await verbs.check(call(daemon))
    assert (passed.data, passed.code) == (rows, 0)
    failed = await verbs.check(call(Daemon("vpn-client", passed=False, rows=rows)))
    assert failed.code == ExitCode.FAILED
    for verb in (verbs.confirm, verbs.check):
        with pytest.raises(VerbError, match="no vpn-client runs"):
            await verb(call(Daemon("vpn-server")))


async def test_status_asks_each_app_and_one_that_does_not_answer_hides_no_other() -> None:
    class Starting(Daemon):
        async def ask(self, what: str, value: object) -> Any:
            if isinstance(value, list) and value[0] == "1":
                raise VerbError(ExitCode.NOT_HEALTHY, "it is not on the bus")
            return await super().ask(what, value)

    rows = await verbs.status(call(Starting("vpn-server", "visor", "vpn-client")))
    assert [(row["id"], row["state"]) for row in rows] == [(1, "it is not on the bus"), (3, "up")]
