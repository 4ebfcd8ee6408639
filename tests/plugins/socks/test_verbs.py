"""`socks up`, `socks down`, `socks status`, over a daemon that is not there."""

from typing import Any

import pytest

from plugins.socks import verbs
from viscript.plugin import ExitCode, VerbCall, VerbError
from viscript.pluginhost.wire import CallData

FOUND = [{"check": "traffic", "status": "pass", "text": "it leaves at aa"}]
STATUS = {"served": 3, "socks": "127.0.0.1:9", "http": "127.0.0.1:10", "exits": [32 * "aa"]}


class Daemon:
    """Answers `la` with these rows, and notes what else it is asked."""

    def __init__(self, *apps: str, state: str = "ready", found: list[dict[str, str]] = FOUND) -> None:
        self.rows = [
            {"id": number, "name": app, "app": app, "state": state} for number, app in enumerate(apps, 1)
        ]
        self.found = found
        self.asked: list[list[Any]] = []

    async def ask(self, what: str, value: object) -> Any:
        assert isinstance(value, list)
        if value == ["la"]:
            return self.rows
        if what == "rpc":
            return self.found if value[1] == "leak_test" else STATUS
        self.asked.append(value)
        return {"id": 7, "name": "socks-client", "state": "ready"}


def call(daemon: Daemon, **args: Any) -> VerbCall:
    return VerbCall(CallData(args=args), daemon)


async def test_up_starts_a_client_with_its_exit_and_tries_it() -> None:
    daemon = Daemon("visor")
    answer = await verbs.up(call(daemon, peer="mike", listen="127.0.0.1:9", http=None))
    assert daemon.asked == [["start", "socks-client", "--", "--peer", "mike", "--listen", "127.0.0.1:9"]]
    assert answer.code == 0
    assert answer.text == (
        "socks-client (7) is ready: SOCKS at 127.0.0.1:9, HTTP CONNECT at 127.0.0.1:10; exit aaaaaaaa\n"
        "  PASS  traffic  it leaves at aa\n"
        "try it: curl -x socks5h://127.0.0.1:9 http://exit.viscript.internal/\n"
    )
    assert isinstance(answer.data, dict)
    assert answer.data["findings"] == FOUND


async def test_up_tells_when_nothing_comes_out() -> None:
    daemon = Daemon("visor", found=[{"check": "traffic", "status": "fail", "text": "no"}])
    answer = await verbs.up(call(daemon, peer="aa", listen=None, http="off"))
    assert answer.code == ExitCode.NOT_HEALTHY
    checked = await verbs.check(call(Daemon("socks-client", found=daemon.found)))
    assert checked.code == ExitCode.NOT_HEALTHY
    assert checked.data == [
        {"id": 1, "name": "socks-client", "check": "traffic", "status": "fail", "text": "no"}
    ]


async def test_up_is_refused_while_one_runs_unless_it_has_a_port_of_its_own() -> None:
    with pytest.raises(VerbError, match=r"meshnet-socks-client .1. runs already"):
        await verbs.up(call(Daemon("meshnet-socks-client"), peer="aa", listen=None, http=None))
    daemon = Daemon("socks-client")
    await verbs.up(call(daemon, peer="aa", listen="127.0.0.1:9", http="off"))
    assert daemon.asked[0][-2:] == ["--http", "off"]


async def test_one_that_could_not_start_gives_way() -> None:
    daemon = Daemon("socks-client", state="backoff")
    await verbs.up(call(daemon, peer="aa", listen=None, http=None))
    assert [words[0] for words in daemon.asked] == ["stop", "start"]


async def test_one_that_does_not_start_is_ended_and_the_reason_told() -> None:
    class Failing(Daemon):
        async def ask(self, what: str, value: object) -> Any:
            if isinstance(value, list) and value[0] == "start":
                raise VerbError(ExitCode.FAILED, "it did not: no port; retrying in 1 s", data=data)
            return await super().ask(what, value)

    data: object = {"id": 7}
    daemon = Failing()
    with pytest.raises(VerbError, match=r"^it did not: no port$"):
        await verbs.up(call(daemon, peer="aa", listen=None, http=None))
    assert daemon.asked == [["stop", "7"]]
    data = None
    with pytest.raises(VerbError, match="retrying"):
        await verbs.up(call(daemon, peer="aa", listen=None, http=None))


async def test_down_stops_the_clients_only() -> None:
    daemon = Daemon("socks-server", "socks-client", "meshnet-socks-client")
    answer = await verbs.down(call(daemon))
    assert daemon.asked == [["stop", "2", "3"]]
    assert answer.text == "socks-client (2) is stopped\nmeshnet-socks-client (3) is stopped\n"


@pytest.mark.parametrize("verb", [verbs.down, verbs.check])
async def test_without_a_client_there_is_nothing_to_do(verb: Any) -> None:
    with pytest.raises(VerbError) as caught:
        await verb(call(Daemon("socks-server")))
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
