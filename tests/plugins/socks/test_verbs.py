"""`socks up`, `socks down`, `socks status`, over a daemon that is not there."""

from typing import Any

import pytest

from plugins.socks import verbs
from viscript.plugin import ExitCode, VerbCall, VerbError
from viscript.pluginhost.wire import CallData


class Daemon:
    """Answers `la` with these rows, and notes what else it is asked."""

    def __init__(self, *apps: str) -> None:
        self.rows = [{"id": number, "name": app, "app": app} for number, app in enumerate(apps, 1)]
        self.asked: list[list[Any]] = []

    async def ask(self, what: str, value: object) -> Any:
        assert isinstance(value, list)
        if value == ["la"]:
            return self.rows
        self.asked.append(value)
        return {"served": 3}


def call(daemon: Daemon, **args: Any) -> VerbCall:
    return VerbCall(CallData(args=args), daemon)


async def test_up_starts_a_client_with_its_exit() -> None:
    daemon = Daemon("visor")
    await verbs.up(call(daemon, peer="aa", listen="127.0.0.1:9", http=None))
    assert daemon.asked == [["start", "socks-client", "--", "--peer", "aa", "--listen", "127.0.0.1:9"]]


async def test_up_is_refused_while_one_runs() -> None:
    with pytest.raises(VerbError, match=r"meshnet-socks-client .1. runs already"):
        await verbs.up(call(Daemon("meshnet-socks-client"), peer="aa", listen=None, http=None))


async def test_down_stops_the_clients_only() -> None:
    daemon = Daemon("socks-server", "socks-client", "meshnet-socks-client")
    await verbs.down(call(daemon))
    assert daemon.asked == [["stop", "2", "3"]]
    with pytest.raises(VerbError) as caught:
        await verbs.down(call(Daemon("socks-server")))
    assert caught.value.code is ExitCode.NOT_FOUND


async def test_status_asks_each_app() -> None:
    daemon = Daemon("socks-server", "visor", "socks-client")
    rows = await verbs.status(call(daemon))
    assert [(row["id"], row["served"]) for row in rows] == [(1, 3), (3, 3)]


async def test_an_app_that_does_not_answer_hides_no_other() -> None:
    class Starting(Daemon):
        async def ask(self, what: str, value: object) -> Any:
            if isinstance(value, list) and value[0] == "1":
                raise VerbError(ExitCode.NOT_HEALTHY, "it is not on the bus")
            return await super().ask(what, value)

    rows = await verbs.status(call(Starting("socks-server", "socks-client")))
    assert [row.get("error") for row in rows] == ["it is not on the bus", None]
