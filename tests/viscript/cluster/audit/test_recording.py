import asyncio
from pathlib import Path
from typing import Any

import pytest

from signal_bus.identity import Identity
from viscript.cluster.audit.book import Audit
from viscript.cluster.audit.entry import Entry
from viscript.cluster.audit.recording import is_audited, record_refusal, recorded
from viscript.errors import ExitCode, VerbError
from viscript.store.memory import Memory
from viscript.verbs.core import builtin
from viscript.verbs.parse import Parsed, parse

HOST = Identity(bytes(range(32)))
KEY = "ab" * 32
ARGV = ["sd", "7"]


def parsed(*argv: str) -> Parsed:
    return parse(builtin(), argv or ARGV)


async def entries(tmp_path: Path, ends: Any, actor: str = "local") -> list[Entry]:
    """What is written around a block that ends so."""
    memory = Memory(tmp_path / "state.db")
    memory.open()
    audit = Audit(memory, HOST)
    try:
        async with recorded(audit, ARGV, parsed(), actor=actor, host="m1") as note:
            if ends is not None and not isinstance(ends, int):
                raise ends
            note.code = ends or 0
    except (VerbError, RuntimeError, asyncio.CancelledError):
        assert ends is not None
    found = [entry async for entry in audit.newest_first()]
    memory.close()
    return found[::-1]


@pytest.mark.parametrize(
    "ends, code",
    [
        (None, 0),
        (3, 3),
        (VerbError(ExitCode.NOT_FOUND, "no app"), 5),
        (asyncio.CancelledError(), 130),
        (RuntimeError("a bug"), 1),
    ],
)
async def test_however_a_verb_ends_its_code_is_written(tmp_path: Path, ends: Any, code: int) -> None:
    begin, end = await entries(tmp_path, ends)
    assert (begin.kind, begin.verb, begin.role, begin.target) == ("asked", "shutdown", "operate", "7")
    assert (begin.argv, begin.host, begin.actor) == (("sd", "7"), "m1", HOST.public_key.hex())
    assert (end.kind, end.ulid, end.code) == ("done", begin.ulid, code)


async def test_who_comes_from_elsewhere_is_written_by_his_key(tmp_path: Path) -> None:
    begin, _ = await entries(tmp_path, None, actor=KEY)
    assert begin.actor == KEY


async def test_a_refusal_is_one_entry(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "state.db")
    memory.open()
    audit = Audit(memory, HOST)
    await record_refusal(audit, ARGV, parsed(), actor=KEY, host="m1", code=7)
    (entry,) = [entry async for entry in audit.newest_first()]
    memory.close()
    assert (entry.kind, entry.actor, entry.code, entry.argv) == ("refused", KEY, 7, ("sd", "7"))


def test_what_only_looks_is_not_written() -> None:
    assert not is_audited(parsed("la"))
    assert not is_audited(parsed("attach", "-r", "7"))
    assert is_audited(parsed("attach", "7"))
