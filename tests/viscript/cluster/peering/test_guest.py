"""A guest's command on one host: run in its view, refused with 7, written down."""

from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.audits import AuditInMemory
from tests.support.fake_world import FakeWorld, instance
from viscript.cluster.audit.entry import Entry
from viscript.cluster.peering.allowed import ALLOWED
from viscript.cluster.peering.guest import Done, Guest, Guests
from viscript.cluster.peering.terms import Share
from viscript.verbs.core import builtin
from viscript.verbs.table import Role, Terminal

THEM = "3f" * 32
VIEW = Guest(cluster=THEM, share=Share(apps=("web",)))
OPERATE = Guest(cluster=THEM, share=Share(apps=("web",), role=Role.OPERATE))


class Host:
    """One host, and what it carried to its end."""

    def __init__(self, log_dir: str = "") -> None:
        db = instance(2, "db", argv=("db", "--password", "sesame"))
        self.world = FakeWorld(instance(1, "web", log_dir=log_dir, reason="db is away"), db)
        self.world.audit = AuditInMemory()
        self.carried = 0
        self.guests = Guests(self.world, self.carry)

    async def carry(self, work: Coroutine[Any, Any, Any]) -> Any:
        self.carried += 1
        return await work

    async def run(self, guest: Guest, *argv: str, most: int = 100_000) -> Done:
        return await self.guests.run(guest, argv, Terminal(out=True, columns=100), most)

    async def entries(self) -> list[Entry]:
        return [entry async for entry in self.world.audit.newest_first()]


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    made = Host()
    yield made
    made.world.audit.close()


def data(done: Done) -> Any:
    assert done.code == 0, done
    return msgspec.json.decode(done.out)


async def test_the_shared_app_alone_is_listed(host: Host) -> None:
    for argv in (["la"], ["la", "-a"], ["la", "-f"], ["ru"]):
        done = await host.run(VIEW, *argv)
        assert [row["id"] for row in data(done)] == [1], argv
        assert "db" not in done.out + done.err


async def test_every_allowed_verb_answers_and_says_nothing_of_others(host: Host, tmp_path: Path) -> None:
    for name in ALLOWED:
        done = await host.run(OPERATE, name, *([] if name == "list_apps" else ["web"]))
        assert done.code == 0, (name, done)
        assert "db" not in done.out + done.err, name
        assert "sesame" not in done.out + done.err
    assert host.carried == 2


async def test_why_tells_the_state_and_the_last_lines(tmp_path: Path) -> None:
    host = Host(log_dir=str(tmp_path))
    row = data(await host.run(VIEW, "why", "web"))
    assert (row["state"], row["text"], row["conflict"], row["last_lines"]) == (
        "running",
        "it is running",
        None,
        [],
    )
    assert [one["id"] for one in data(await host.run(VIEW, "why", "w*"))] == [1]
    host.world.audit.close()


async def test_restart_answers_as_it_does_at_home(host: Host) -> None:
    assert data(await host.run(OPERATE, "restart", "web"))["generation"] == 2
    assert [row["id"] for row in data(await host.run(OPERATE, "restart", "all"))] == [1]
    host.world.fake.failing.add("web")
    done = await host.run(OPERATE, "restart", "web")
    assert (done.code, "its own cluster can say why" in done.err) == (1, True)


@pytest.mark.parametrize(
    "argv",
    [
        ["ping", "db"], ["ping", "2"], ["ping", "99"], ["log", "db"], ["why", "m2/web"], ["restart", "web"],
        ["run", "--", "sh"], ["start", "web"], ["config", "show"], ["events"], ["audit"], ["hosts"],
        ["nonsense"],
    ],
)  # fmt: skip
async def test_anything_else_exits_7_and_is_written_down(host: Host, argv: list[str]) -> None:
    done = await host.run(VIEW, *argv)
    assert (done.code, done.out) == (7, "")
    (entry,) = await host.entries()
    assert (entry.kind, entry.actor, entry.code, entry.argv) == ("refused", THEM, 7, tuple(argv))
    assert host.world.fake.asked == []


async def test_no_verb_at_all_shows_a_guest_what_is_not_shared(host: Host) -> None:
    for verb in builtin():
        for words in ([], ["2"], ["web"], ["all"], ["*"], ["d*"]):
            done = await host.run(OPERATE, *verb.name.split(), *words)
            text = done.out + done.err
            assert "sesame" not in text
            assert "db" not in text, (verb.name, words, done)


async def test_a_change_is_written_down_with_the_key_of_the_cluster(host: Host) -> None:
    await host.run(VIEW, "la")
    assert await host.entries() == []
    await host.run(OPERATE, "restart", "web")
    done, asked = await host.entries()
    assert (done.kind, done.code) == ("done", 0)
    assert (asked.kind, asked.actor, asked.verb, asked.target) == ("asked", THEM, "restart", "web")
    assert (await host.world.audit.verify()).number is None


async def test_secrets_in_a_refused_command_are_not_kept(host: Host) -> None:
    await host.run(VIEW, "run", "--password", "sesame", "x" * 1000)
    (entry,) = await host.entries()
    assert "sesame" not in repr(entry)
    assert len(entry.argv[-1]) < 300


async def test_a_mistake_is_a_mistake(host: Host) -> None:
    assert (await host.run(VIEW, "ping")).code == 2
    assert await host.entries() == []


async def test_an_answer_is_cut_at_its_bound(host: Host) -> None:
    done = await host.run(VIEW, "la", most=10)
    assert len(done.out) == 10
    assert "cut" in done.err


async def test_without_an_audit_it_is_done_all_the_same(host: Host) -> None:
    audit, host.world.audit = host.world.audit, None
    assert (await host.run(VIEW, "ping", "db")).code == 7
    assert (await host.run(OPERATE, "sd", "web")).code == 0
    host.world.audit = audit
