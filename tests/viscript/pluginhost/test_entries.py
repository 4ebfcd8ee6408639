"""What plugins register, as the daemon works with it."""

from typing import Any

import pytest

from tests.support.plugins import Pages, call
from viscript.config.model import Argument, Check
from viscript.errors import VerbError
from viscript.pluginhost import entries
from viscript.pluginhost.holder import Local
from viscript.pluginhost.source import Source
from viscript.pluginhost.spec import Answer, AppSpec, VerbSpec
from viscript.pluginhost.verbcall import Port
from viscript.pluginhost.wire import CallData
from viscript.verbs.table import Arg


def verb_of(spec: VerbSpec) -> Any:
    source = Source(kind="file", name="p", target="p.py")
    return entries.verb(spec, Local(source, {}), run)


async def run(words: object, of: object) -> object:
    return words


def test_an_app_keeps_all_its_spec_says() -> None:
    spec = AppSpec(
        name="a",
        argv=("x", "-y"),
        summary="does",
        help="[1]",
        args=(Argument(name="p"),),
        aliases=("b",),
        needs=("c",),
        ready=Check(signal=True),
        daemon=True,
        env={"A": "1"},
        role="admin",
    )
    entry = entries.app_entry(spec, plugin="p", file="p.py", settings={"port": 1})
    assert (entry.name, entry.source, entry.argv, entry.aliases) == ("a", "plugin p", ("x", "-y"), ("b",))
    assert (entry.spec.command, entry.spec.desc, entry.spec.daemon) == (("x", "-y"), "does", True)
    assert entry.spec.env == {"A": "1", "VISCRIPT_SETTINGS": '{"port":1}'}
    assert entry.spec.needs == ("c",)
    assert entry.spec.role == "admin"
    assert not entries.app_entry(AppSpec(name="a", argv=("x",)), plugin="p", file="", settings={}).spec.env


def test_a_verb_has_columns_for_the_keys_of_its_rows() -> None:
    verb = verb_of(VerbSpec(name="v", summary="s", args=(Arg(name="x"),), columns=("peer_name", "rtt")))
    assert [column.title for column in verb.columns] == ["peer name", "rtt"]
    assert [column.text({"peer_name": "bob", "rtt": None}) for column in verb.columns] == ["bob", "-"]
    assert verb.name_of({"peer_name": "bob"}) == "bob"
    assert verb.columns[0].text(7) == "-"


async def test_a_port_does_what_it_knows_and_refuses_the_rest() -> None:
    pages = Pages()
    port = entries.DaemonPort(call(verb_of(VerbSpec(name="v", summary="s")), pages), run)
    assert await port.ask("run", ["la", "-a"]) == ["la", "-a"]
    assert await port.ask("rpc", ["visor", "peers", {"a": 1}, None]) == ["rpc", "visor", "peers", '{"a":1}']
    assert await port.ask("rpc", ["visor", "peers", None, None]) == ["rpc", "visor", "peers"]
    patient = await port.ask("rpc", ["visor", "peers", None, 2.5])
    assert patient == ["rpc", "--timeout=2.5", "visor", "peers"]
    await port.ask("out", "x")
    assert pages.written == [("out", "x")]
    for what, value in (("out", 7), ("run", []), ("dance", None)):
        with pytest.raises(VerbError, match="unfit data"):
            await port.ask(what, value)


async def test_what_an_answer_says_reaches_the_caller() -> None:
    class Answering(Local):
        async def verb(self, name: str, call: CallData, port: Port) -> Answer:
            return Answer(text="t", code=3, notes=("n",), program=("/bin/true", call.cwd))

    holder = Answering(Source(kind="file", name="p", target="p.py"), {})
    verb = entries.verb(VerbSpec(name="v", summary="s"), holder, run)
    assert verb.handler is not None
    outcome = await verb.handler(call(verb, Pages()))
    assert (outcome.text, outcome.code, outcome.notes) == ("t", 3, ("n",))
    assert outcome.program == ("/bin/true", "/")
