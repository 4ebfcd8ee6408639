"""From what plugins register to what the daemon works with: app entries and rows of the verb table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from viscript.config.model import App
from viscript.errors import ExitCode, VerbError
from viscript.pluginhost.holder import Holder
from viscript.pluginhost.spec import AppSpec, VerbSpec
from viscript.pluginhost.wire import CallData
from viscript.supervisor.api import AppEntry
from viscript.verbs.table import Call, Column, Outcome, Role, Verb

RunVerb = Callable[[Sequence[str], Call], Awaitable[Any]]  # Any: the data that verb answers


def app_entry(spec: AppSpec, *, plugin: str, file: str, settings: dict[str, Any]) -> AppEntry:
    """A plugin's app as something that can be started; its settings travel in the environment."""
    env: dict[str, Any] = dict(spec.env)
    if settings:
        env["VISCRIPT_SETTINGS"] = msgspec.json.encode(settings).decode()
    app = App(
        command=spec.argv,
        default_args=spec.default_args,
        args=spec.args,
        desc=spec.summary,
        help=spec.help,
        daemon=spec.daemon,
        env=env,
        needs=spec.needs,
        after=spec.after,
        ready=spec.ready,
        health=spec.health,
        restart=spec.restart,
        stop=spec.stop,
        tty=spec.tty,
        role=spec.role,
    )
    return AppEntry(
        name=spec.name, source=f"plugin {plugin}", spec=app, argv=spec.argv, aliases=spec.aliases, file=file
    )


def verb(spec: VerbSpec, holder: Holder, run: RunVerb) -> Verb:
    """A plugin's verb as a row of the table."""

    async def handle(call: Call) -> Outcome:
        data = CallData(
            args=call.args, format=call.format, columns=call.terminal.columns, cwd=call.cwd, actor=call.actor
        )
        answer = await holder.verb(spec.name, data, DaemonPort(call, run))
        code = ExitCode(answer.code) if answer.code in frozenset(ExitCode) else ExitCode.FAILED
        return Outcome(
            data=answer.data, text=answer.text, code=code, notes=answer.notes, program=answer.program
        )

    return Verb(
        name=spec.name,
        aliases=spec.aliases,
        group=spec.group,
        summary=spec.summary,
        help=spec.help,
        examples=spec.examples,
        args=spec.args,
        options=spec.options,
        columns=tuple(_column(key) for key in spec.columns),
        name_of=(lambda row: _cell(row, spec.columns[0])) if spec.columns else None,
        reads=spec.reads,
        streams=spec.streams,
        options_first=spec.options_first,
        role=spec.role,
        handler=handle,
    )


class DaemonPort:
    """The daemon's end of a `VerbCall`: writes for the caller, runs verbs as the caller."""

    def __init__(self, call: Call, run: RunVerb) -> None:
        self._call = call
        self._run = run

    async def ask(self, what: str, value: object) -> Any:  # Any: plain data
        """Do `what`. Raises `VerbError`."""
        match what, value:
            case "out", str():
                await self._call.writer.out(value)
            case "err", str():
                await self._call.writer.err(value)
            case "row", _:
                await self._call.writer.row(value)
            case "run", [str(), *_] as words:
                return msgspec.to_builtins(await self._run([str(word) for word in words], self._call))
            case "rpc", [str() as target, str() as method, params, (None | float() | int()) as timeout_s]:
                return await self._rpc(target, method, params, timeout_s)
            case _:
                raise VerbError(ExitCode.USAGE, f"a plugin's verb asked for {what!r} with unfit data")
        return None

    async def _rpc(
        self, target: str, method: str, params: object, timeout_s: float | None
    ) -> Any:  # Any: what the method answers
        # The plugin chose the method; its verb's own role has said who may use it.
        call = replace(self._call, role=Role.ADMIN, covered=True)
        words = ["rpc", target, method]
        if timeout_s is not None:
            words.insert(1, f"--timeout={timeout_s:g}")
        if params is not None:
            words.append(msgspec.json.encode(params).decode())
        return msgspec.to_builtins(await self._run(words, call))


def _column(key: str) -> Column:
    return Column(title=key.replace("_", " "), text=lambda row: _cell(row, key))


def _cell(row: Any, key: str) -> str:  # Any: a row is whatever the plugin answered
    value = row.get(key) if isinstance(row, dict) else None
    return "-" if value is None else str(value)
