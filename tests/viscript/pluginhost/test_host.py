"""Plugins through the host, with real worker processes: good ones work, bad ones harm nobody."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable
from pathlib import Path

import pytest

import plugins
from tests.support.plugins import Pages, call, hosted, until, write
from viscript.config.model import Plugins
from viscript.errors import ExitCode, VerbError
from viscript.events import EventLog
from viscript.pluginhost.errors import BrokenPluginsError
from viscript.pluginhost.host import PluginHost
from viscript.verbs.table import Outcome, Table

BAD = {
    "raises": "raise RuntimeError('no such luck')\n",
    "leaves": "import sys\nsys.exit(3)\n",
    "dies": "import os\nos.kill(os.getpid(), 11)\n",
    "blocks": "import time\ntime.sleep(60)\n",
    "spins": "while True:\n    pass\n",
    "typo": "from viscript.plugin import hookimpl\n\n@hookimpl\ndef viscript_regster_apps(register): ...\n",
    "empty": "x = 1\n",
    "syntax": "def (:\n",
}

EVENTS = """
    from viscript.plugin import hookimpl

    @hookimpl
    def viscript_event(event):
        with open("{file}", "a") as file:
            print(event.cursor, event.type, file=file)
"""

VERBS = """
    import asyncio, os
    from viscript.plugin import Answer, Arg, Target, VerbError, VerbSpec, DoctorCheck, hookimpl

    async def shout(call):
        await call.out("one\\n")
        await call.err("two\\n")
        await call.row({"a": 1})
        return [{"word": call.args["word"].upper(), "others": await call.run("la")}]

    async def refuse(call):
        raise VerbError(5, "no such thing", suggestions=("other",))

    async def bug(call):
        return 1 / 0

    async def die(call):
        os._exit(9)

    async def long(call):
        await call.out("begun")
        await asyncio.sleep(60)

    async def odd(call):
        return Answer(data=object(), text="x")

    @hookimpl
    def viscript_register_verbs(register):
        for handler in (shout, refuse, bug, die, long, odd):
            name = handler.__name__
            register(VerbSpec(name=name, summary="s", args=(Arg(name="word"),), columns=("word",)), handler)

    @hookimpl
    def viscript_resolve_target(target):
        return Target(kind="peer", label=target[5:], app="visor") if target.startswith("peer:") else None

    @hookimpl
    def viscript_state_store(url):
        return "store.etcd:open" if url.startswith("etcd://") else None

    @hookimpl
    def viscript_doctor():
        return [DoctorCheck(check="tun", status="warn", text="no tun", fix="modprobe tun")]
"""


async def test_a_file_in_the_folder_is_an_app_that_can_be_started(tmp_path: Path) -> None:
    write(tmp_path, "hello")
    async with hosted(tmp_path) as host:
        entry = host.apps()["hello"]
        assert entry.source == "plugin hello"
        assert entry.spec.desc == "greets"
        assert entry.spec.args[0].default == "world"
        assert entry.argv[-2:] == (str(tmp_path / "hello.py"), "hello")
        record = host.record("hello")
        assert record.state == "loaded"
        assert record.load_seconds is not None


async def test_broken_plugins_are_listed_with_their_error_and_the_rest_load(tmp_path: Path) -> None:
    for name, text in BAD.items():
        write(tmp_path, name, text)
    write(tmp_path, "good")
    async with hosted(tmp_path, load_s=3.0) as host:
        assert list(host.apps()) == ["good"]
        errors = {record.name: record.error for record in host.records() if record.state == "broken"}
        assert errors.keys() == BAD.keys()
        assert errors["raises"] == "import: RuntimeError: no such luck"
        assert errors["leaves"] == "import: SystemExit: 3"
        assert errors["dies"] == "its process: ended by SIGSEGV"
        assert errors["blocks"] == errors["spins"] == "it did not load within 3 s"
        assert errors["typo"] == "unknown hook viscript_regster_apps (did you mean viscript_register_apps?)"
        assert errors["empty"].startswith("it registers nothing")
        assert "SyntaxError" in errors["syntax"]
        assert "no such luck" in host.record("raises").traceback
        fails = {check.check for check in await host.doctor() if check.status == "fail"}
        assert fails == {f"plugin {name}" for name in BAD}


async def test_a_plugin_that_blocks_delays_the_daemon_by_no_more_than_its_patience(tmp_path: Path) -> None:
    write(tmp_path, "blocks", BAD["blocks"])
    write(tmp_path, "good")
    changes: list[str] = []
    host = PluginHost(
        Plugins(), tmp_path, built_in=None, packages=False, load_s=4.0, changed=lambda: changes.append("x")
    )
    async with host:
        started = time.monotonic()
        await host.load(patience_s=0.2)
        assert time.monotonic() - started < 1.5
        assert host.record("blocks").state == "loading"
        await until(lambda: host.record("blocks").state == "broken" and host.record("good").state == "loaded")
        assert changes


async def test_leaving_the_host_leaves_no_process(tmp_path: Path) -> None:
    write(tmp_path, "talks", VERBS)
    write(tmp_path, "hears", EVENTS.replace("{file}", str(tmp_path / "events")))
    async with hosted(tmp_path) as host:
        pids = [slot.holder._process.pid for slot in host._slots.values()]  # type: ignore[attr-defined]
        assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_strict_makes_a_broken_plugin_fatal(tmp_path: Path) -> None:
    write(tmp_path, "raises", BAD["raises"])
    with pytest.raises(BrokenPluginsError, match="plugin raises is broken: import: RuntimeError"):
        async with hosted(tmp_path, Plugins(strict=True)):
            pass


async def test_new_changed_and_removed_files_are_noticed_without_a_restart(tmp_path: Path) -> None:
    async with hosted(tmp_path) as host:
        assert not await host.refresh()
        path = write(tmp_path, "first")
        assert await host.refresh()
        assert list(host.apps()) == ["first"]
        path.write_text(path.read_text().replace("greets", "greets twice"))
        assert await host.refresh()
        assert host.apps()["first"].spec.desc == "greets twice"
        path.unlink()
        assert await host.refresh()
        assert host.apps() == {}
        assert host.records() == []


async def test_the_home_folder_may_appear_later(tmp_path: Path) -> None:
    async with hosted(tmp_path / "plugins") as host:
        write(tmp_path / "plugins", "late")
        assert await host.refresh()
        assert list(host.apps()) == ["late"]


async def test_a_configured_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    async with hosted(tmp_path, Plugins(dirs=("gone",)), base=tmp_path) as host:
        (record,) = host.records()
        assert (record.kind, record.state) == ("folder", "broken")
        assert "No such file or directory" in record.error


async def test_two_plugins_cannot_register_one_name(tmp_path: Path) -> None:
    write(tmp_path, "a", 'from viscript.plugin import app\n\n@app(name="same")\nasync def x(ctx): ...\n')
    write(
        tmp_path, "b", 'from viscript.plugin import app\n\n@app(aliases=("same",))\nasync def y(ctx): ...\n'
    )
    async with hosted(tmp_path) as host:
        errors = [record.error for record in host.records() if record.state == "broken"]
        assert len(errors) == 1
        assert "app same is already registered by plugin" in errors[0]


async def test_a_blocked_plugin_is_listed_and_not_imported(tmp_path: Path) -> None:
    write(tmp_path, "raises", BAD["raises"])
    async with hosted(tmp_path, Plugins(block=("raises",), strict=True)) as host:
        assert host.record("raises").state == "blocked"


async def test_reload_loads_one_again_and_knows_what_it_does_not_know(tmp_path: Path) -> None:
    path = write(tmp_path, "mend", BAD["raises"])
    async with hosted(tmp_path) as host:
        write(path.parent, "mend")
        (record,) = await host.reload("mend")
        assert record.state == "loaded"
        with pytest.raises(VerbError, match="no plugin 'mens'") as caught:
            await host.reload("mens")
        assert caught.value.code == ExitCode.NOT_FOUND
        assert caught.value.suggestions == ("mend",)


async def test_reload_reads_a_built_in_plugin_anew_and_its_verbs_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, own = tmp_path / "home", tmp_path / "own"
    inside = own / "changes"
    inside.mkdir(parents=True)
    (inside / "__init__.py").write_text(
        "from plugins.changes.words import SUMMARY\n"
        "from viscript.plugin import VerbSpec, hookimpl\n"
        "async def does(call): ...\n"
        "@hookimpl\ndef viscript_register_verbs(register):\n"
        "    register(VerbSpec(name='do', summary=SUMMARY), does)\n"
    )
    (inside / "words.py").write_text("SUMMARY = 'as it was'\n")
    monkeypatch.setattr(plugins, "__path__", [*plugins.__path__, str(own)])
    async with PluginHost(Plugins(), home, built_in=own, packages=False) as host:
        await host.load()
        assert [verb.summary for verb in host.verbs()] == ["as it was"]
        (inside / "words.py").write_text("SUMMARY = 'as it is by now'\n")
        await host.reload("changes")
        assert [verb.summary for verb in host.verbs()] == ["as it is by now"]
        (inside / "words.py").unlink()
        (record,) = await host.reload("changes")
        assert record.state == "broken"
    assert not [name for name in sys.modules if name.startswith("plugins.changes")]


async def test_settings_are_checked_against_the_plugins_type(tmp_path: Path) -> None:
    write(
        tmp_path,
        "typed",
        """
        import msgspec
        from viscript.plugin import AppSpec, hookimpl

        class Settings(msgspec.Struct):
            port: int
            names: list[str] = []

        @hookimpl
        def viscript_settings():
            return Settings

        @hookimpl
        def viscript_register_apps(register, settings):
            register(AppSpec(name="typed", argv=("serve", str(settings.port))))
        """,
    )
    wrong = Plugins(settings={"typed": {"prot": 1, "names": "x"}, "stranger": {}})
    async with hosted(tmp_path, wrong) as host:
        told = {fault.path: fault.message for fault in host.setting_faults()}
        assert told == {
            "plugins.settings.typed.prot": 'unknown key (did you mean "port"?)',
            "plugins.settings.typed.port": "missing, and it has no default",
            "plugins.settings.typed.names": "Expected array, got str",
            "plugins.settings.stranger": "there is no plugin 'stranger'",
        }
        assert host.apps() == {}
        wrong_ones = [(check.check, check.status) for check in await host.doctor()]
        assert wrong_ones == [("plugin typed", "fail"), ("settings", "warn")]
        await host.configure(Plugins(settings={"typed": {"port": 80}}), tmp_path)
        assert host.setting_faults() == []
        assert host.faults() == []
        entry = host.apps()["typed"]
        assert entry.argv == ("serve", "80")
        assert entry.spec.env == {"VISCRIPT_SETTINGS": '{"port":80}'}


async def test_a_plugins_verb_runs_and_may_run_other_verbs(tmp_path: Path) -> None:
    write(tmp_path, "talks", VERBS)

    async def run(words: object, of: object) -> object:
        return {"ran": list(words)}  # type: ignore[call-overload]

    async with hosted(tmp_path, run_verb=run) as host:
        table = Table()
        host.install(table)
        host.install(table)
        verb = table.get("shout")
        assert verb is not None
        assert verb.handler is not None
        pages = Pages()
        outcome = await verb.handler(call(verb, pages, word="hey"))
        assert outcome.data == [{"word": "HEY", "others": {"ran": ["la"]}}]
        assert verb.columns[0].text(outcome.data[0]) == "HEY"
        assert pages.written == [("out", "one\n"), ("err", "two\n"), ("row", {"a": 1})]


@pytest.mark.parametrize(
    "name, code, text",
    [
        ("refuse", ExitCode.NOT_FOUND, "no such thing"),
        (
            "bug",
            ExitCode.FAILED,
            "verb bug of plugin talks failed: verb bug: ZeroDivisionError: division by zero",
        ),
        ("die", ExitCode.FAILED, "verb die of plugin talks failed: its process: exit 9"),
        ("odd", ExitCode.FAILED, "verb odd of plugin talks failed: answered what is not plain data"),
    ],
)
async def test_a_verb_that_fails_fails_alone(tmp_path: Path, name: str, code: ExitCode, text: str) -> None:
    write(tmp_path, "talks", VERBS)
    async with hosted(tmp_path) as host:
        verbs = {verb.name: verb for verb in host.verbs()}
        handler = verbs[name].handler
        assert handler is not None
        with pytest.raises(VerbError) as caught:
            await handler(call(verbs[name], Pages(), word="x"))
        assert caught.value.code == code
        assert caught.value.text.startswith(text)
        target = await host.resolve("peer:bob")
        assert target is not None
        assert (target.kind, target.label, target.app) == ("peer", "bob", "visor")


async def run_one(verb: Awaitable[Outcome]) -> None:
    await verb


async def test_an_interrupted_verb_ends_and_the_next_one_runs(tmp_path: Path) -> None:
    write(tmp_path, "talks", VERBS)
    async with hosted(tmp_path) as host:
        verbs = {verb.name: verb for verb in host.verbs()}
        pages = Pages()
        handler = verbs["long"].handler
        assert handler is not None
        async with asyncio.TaskGroup() as group:
            task = group.create_task(run_one(handler(call(verbs["long"], pages, word="x"))))
            await until(lambda: bool(pages.written))
            task.cancel()
        assert await host.state_store("etcd://a") == "store.etcd:open"
        assert await host.state_store("other://a") is None
        assert [check.check for check in await host.doctor()] == ["tun"]
        assert await host.resolve("7") is None


RESOLVES = """
    from viscript.plugin import Target, hookimpl

    @hookimpl
    def viscript_resolve_target(target):
        sure = target.endswith("!")
        return Target(kind="{name}", label=target, app="a", guess=not sure) if "{name}" in target else None
"""


async def test_a_plugin_that_knows_a_target_comes_before_one_that_guesses(tmp_path: Path) -> None:
    for name in ("ann", "ben"):
        write(tmp_path, name, RESOLVES)
    async with hosted(tmp_path) as host:
        for target, kinds in {"annben": {"ann", "ben"}, "ben": {"ben"}}.items():
            found = await host.resolve(target)
            assert found is not None
            assert found.kind in kinds
            assert found.guess
        assert await host.resolve("carl") is None
    write(tmp_path, "ben", RESOLVES.replace('endswith("!")', 'startswith("ann")'))
    async with hosted(tmp_path) as host:
        found = await host.resolve("annben")
        assert found is not None
        assert (found.kind, found.guess) == ("ben", False)


async def test_events_reach_a_plugin_in_order(tmp_path: Path) -> None:
    seen = tmp_path / "events"
    write(tmp_path / "p", "hears", EVENTS.replace("{file}", str(seen)))
    log = EventLog("here")
    async with hosted(tmp_path / "p") as host:
        log.listen(host.event)
        for number in range(500):
            log.tell("app.event", "daemon", now=float(number))
        await until(lambda: seen.exists() and len(seen.read_text().splitlines()) == 500)
    assert [int(line.split()[0]) for line in seen.read_text().splitlines()] == list(range(1, 501))


async def test_a_hook_that_blocks_is_stopped_and_never_called_again(tmp_path: Path) -> None:
    write(
        tmp_path,
        "sleeps",
        """
        import time
        from viscript.plugin import app, hookimpl

        @app
        async def sleeper(ctx): ...

        @hookimpl
        def viscript_event(event):
            time.sleep(60)
        """,
    )
    log = EventLog("here")
    async with hosted(tmp_path, hook_s=0.3) as host:
        log.listen(host.event)
        for number in range(3000):
            log.tell("app.event", "daemon", now=float(number))
        await until(lambda: host.record("sleeps").state == "failed")
        log.tell("app.event", "daemon", now=0.0)
        assert host.record("sleeps").error == "viscript_event did not answer within 0.3 s"
        assert host.record("sleeps").events_dropped > 0
        assert list(host.apps()) == ["sleeper"]


async def test_a_hook_that_raises_each_time_is_stopped_after_five(tmp_path: Path) -> None:
    write(
        tmp_path,
        "raiser",
        """
        from viscript.plugin import hookimpl

        @hookimpl
        def viscript_resolve_target(target):
            raise KeyError(target)
        """,
    )
    async with hosted(tmp_path) as host:
        for _ in range(7):
            assert await host.resolve("x") is None
        record = host.record("raiser")
        assert (record.state, record.calls, record.raised) == ("failed", 5, 5)
        assert "viscript_resolve_target raised 5 times in a row" in record.error
        (record,) = await host.reload("raiser")
        assert record.state == "loaded"


async def test_bad_plugins_do_not_hold_up_the_loop(tmp_path: Path) -> None:
    for name in ("raises", "blocks", "spins", "dies"):
        write(tmp_path, name, BAD[name])
    gaps: list[float] = []

    async def tick() -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(0.001)
            now = time.monotonic()
            gaps.append(now - last)
            last = now

    async with asyncio.TaskGroup() as group:
        ticker = group.create_task(tick())
        async with hosted(tmp_path, load_s=1.0) as host:
            assert {record.state for record in host.records()} == {"broken"}
        ticker.cancel()
    gaps.sort()
    assert gaps[len(gaps) // 2] < 0.02
    assert gaps[-1] < 0.5
