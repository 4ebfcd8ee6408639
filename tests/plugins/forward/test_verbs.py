"""`fwd`, `rev` and `forward ...`, over a daemon that is not there."""

from typing import Any

import pytest

from plugins.forward import verbs
from viscript.plugin import ExitCode, VerbCall, VerbError
from viscript.pluginhost.wire import CallData

KEY, OWN = "0a" * 32, "0c" * 32
ROW = {
    "id": 1,
    "kind": "fwd",
    "protocol": "tcp",
    "listen": "127.0.0.1:8080",
    "target": "127.0.0.1:80",
    "peers": [KEY],
    "trouble": "",
    "labels": {KEY: "mike"},
    "key": OWN,
}


class Daemon:
    """Runs forwarding or not; the app answers this."""

    def __init__(self, *, runs: bool = True, **answers: Any) -> None:
        self.rows = [{"id": 7, "app": "forward" if runs else "visor", "state": "ready"}]
        self.answers: dict[str, Any] = {"add": {**ROW, "doubt": ""}, "remove": ROW, **answers}
        self.asked: list[Any] = []

    async def ask(self, what: str, value: object) -> Any:
        assert isinstance(value, list)
        if value == ["la"]:
            return self.rows
        self.asked.append(value)
        return {"id": 9} if what == "run" else self.answers[value[1]]


def call(daemon: Daemon, **args: Any) -> VerbCall:
    return VerbCall(CallData(args={"udp": False, "to": [], **args}), daemon)


def lines(daemon: Daemon) -> list[str]:
    return [value[2]["line"] for value in daemon.asked if value[1:2] == ["add"]]


async def test_each_verb_is_a_line_for_the_app() -> None:
    daemon = Daemon()
    answer = await verbs.fwd(call(daemon, listen="8080", target="mike:80"))
    assert answer.text == "1: 127.0.0.1:8080 leads to 127.0.0.1:80 at mike\n"
    await verbs.rev(call(daemon, listen="mike:9000", target="3000", udp=True))
    await verbs.offer(call(daemon, target="80", to=["mike", "joe"]))
    await verbs.lend(call(daemon, listen="9000", to=["all"]))
    assert lines(daemon) == [
        "fwd 8080 mike:80",
        "rev mike:9000 3000 --udp",
        "offer 80 --to mike joe",
        "lend 9000 --to all",
    ]


async def test_the_app_is_started_where_none_runs() -> None:
    daemon = Daemon(runs=False)
    await verbs.fwd(call(daemon, listen="8080", target="mike:80"))
    assert daemon.asked[0] == ["start", "forward"]
    assert daemon.asked[1][0] == "9"


@pytest.mark.parametrize(
    "kind, sentence, advice",
    [
        (
            "fwd",
            "(udp) leads to 127.0.0.1:80 at",
            f"forward offer 127.0.0.1:80 --to {OWN} --udp",
        ),
        ("rev", "leads to 127.0.0.1:80 here", f"forward lend 127.0.0.1:8080 --to {OWN} --udp"),
    ],
)
async def test_a_peer_that_will_not_have_it_is_a_note_with_advice(
    kind: str, sentence: str, advice: str
) -> None:
    daemon = Daemon(add={**ROW, "kind": kind, "protocol": "udp", "doubt": "it is not offered"})
    answer = await verbs.fwd(call(daemon, listen="8080", target="mike:80"))
    assert answer.text is not None
    assert sentence in answer.text
    assert answer.notes[0] == "so far it does not work: it is not offered"
    assert advice in answer.notes[1]


@pytest.mark.parametrize(
    "code, exit_code", [("bad-rule", 2), ("no-peer", 5), ("not-found", 5), ("port", 1), ("exists", 1)]
)
async def test_the_apps_errors_have_exit_codes(code: str, exit_code: int) -> None:
    daemon = Daemon(add={"error": {"code": code, "text": "why"}})
    with pytest.raises(VerbError, match="why") as error:
        await verbs.fwd(call(daemon, listen="8080", target="mike:80"))
    assert error.value.code == exit_code


async def test_words_with_blanks_and_a_missing_peer_are_wrong_use() -> None:
    for asked in (
        verbs.fwd(call(Daemon(), listen="80 80", target="mike:80")),
        verbs.fwd(call(Daemon(), listen="", target="mike:80")),
        verbs.offer(call(Daemon(), target="80")),
    ):
        with pytest.raises(VerbError) as error:
            await asked
        assert error.value.code is ExitCode.USAGE


async def test_rules_are_listed_with_labels() -> None:
    status = {"labels": {KEY: "mike"}, "rules": [ROW, {**ROW, "peers": ["all", "0b" * 32]}]}
    rows = await verbs.listed(call(Daemon(status=status)))
    assert [row["peer"] for row in rows] == ["mike", "all, 0b0b0b0b0b0b"]
    assert await verbs.listed(call(Daemon(runs=False))) == []


async def test_a_rule_is_removed_by_its_number() -> None:
    daemon = Daemon()
    answer = await verbs.removed(call(daemon, id=1))
    assert daemon.asked == [["7", "remove", {"number": 1}, verbs.PATIENCE_S]]
    assert answer.text is not None
    assert answer.text.endswith(": removed\n")
    with pytest.raises(VerbError) as error:
        await verbs.removed(call(Daemon(runs=False), id=1))
    assert error.value.code is ExitCode.NOT_HEALTHY
