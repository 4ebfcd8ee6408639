"""The prompt: reads a line, runs it, and tells between the lines what happened meanwhile.

Three things share the loop: the line editor, the event link, and the verb that runs. While a line is
edited, notices are printed above it and the line is drawn again; while a verb runs they are printed
between its output.
"""

import asyncio
import signal
import time
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.shortcuts import CompleteStyle

from viscript import oneshot
from viscript.errors import ExitCode, VerbError
from viscript.local import dispatch
from viscript.local.ask import ask
from viscript.local.client import Client
from viscript.local.door import DoorError
from viscript.repl.history import SafeHistory, trim
from viscript.repl.link import Completer, Events, Told
from viscript.repl.notices import Notices
from viscript.repl.own import Own
from viscript.repl.running import Talk, interruptible
from viscript.repl.session import Session, load_aliases
from viscript.repl.toolbar import Status, toolbar
from viscript.repl.typing import Hint, LiveCompleter, keys
from viscript.verbs import script
from viscript.verbs.core import builtin


def run(client: Client) -> int:
    """Be the prompt until the person leaves; the exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    return asyncio.run(Prompt(client).run())


class Prompt:
    """One person at one terminal."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._status = Status()
        self._session = Session(aliases=load_aliases(Path(client.home.root, "aliases.json")))
        client.session = self._session
        self._notices = Notices()
        self._own = Own()
        self._table = builtin()
        self._completer = Completer(client.home.verbs_socket, lambda: self._session.term.host)
        self._hint = Hint(self._completer)
        self._was_interrupted = False
        self._seen_connected = False
        self._editor = self._make_editor()

    async def run(self) -> int:
        """Read and run lines until the person leaves."""
        events = Events(self._client.home.verbs_socket, self._told, self._connected)
        async with asyncio.TaskGroup() as tasks:
            link = tasks.create_task(events.follow())
            while not self._session.quitting:
                line = await self._read()
                if line is None:
                    break
                await self._run_line(line)
            link.cancel()
        self._completer.close()
        if self._session.stop_all:
            return await Talk(self._client, ["daemon", "stop", "--stop-all"]).run()
        return 0

    def _make_editor(self) -> PromptSession[str]:
        history = Path(self._client.home.history)
        trim(history)
        editor: PromptSession[str] = PromptSession(
            message=self._session.prompt,
            history=SafeHistory(str(history)),
            auto_suggest=AutoSuggestFromHistory(),
            completer=LiveCompleter(self._completer, lambda: self._session.aliases),
            complete_while_typing=True,
            complete_style=CompleteStyle.COLUMN,
            input_processors=[self._hint],
            bottom_toolbar=self._toolbar,
            key_bindings=keys(self._status, self._completer),
            color_depth=None if self._client.screen.colour else ColorDepth.MONOCHROME,
            refresh_interval=0,
        )
        editor.default_buffer.on_text_changed += self._hint.changed
        return editor

    def _toolbar(self) -> FormattedText:
        return FormattedText([("", toolbar(self._status, self._client.screen.columns))])

    async def _read(self) -> str | None:
        """The next line; empty after Ctrl-C, None after Ctrl-D."""
        try:
            return await self._editor.prompt_async()
        except KeyboardInterrupt:
            if self._was_interrupted and not self._editor.default_buffer.text:
                await self._tell_what_waits()
            return ""
        except EOFError:
            return None

    async def _run_line(self, line: str) -> None:
        try:
            commands = script.split(line)
        except VerbError as exc:
            self._status.code = self._client.fail(exc.code, exc.text)
            return
        for command in commands:
            words = self._session.expand(command.words, self._table)
            self._status.code = await self._run_words(words)
            self._was_interrupted = self._status.code == ExitCode.INTERRUPTED
            self._completer.forget()
            if self._status.code or self._session.quitting:
                break

    async def _run_words(self, words: list[str]) -> int:
        if oneshot.local_module(words):
            return interruptible(lambda: dispatch.run(self._client, words))
        verb = self._table.get(words[0]) if words else None
        self._own.begins("" if verb is None else verb.name)
        talk = Talk(self._client, words)
        try:
            return await talk.run()
        finally:
            for sentence in self._own.ended(talk.failed, time.time()):
                self._notice(sentence)

    async def _tell_what_waits(self) -> None:
        """After an interrupted stop or start: what of it still goes on."""
        try:
            rows = (await asyncio.to_thread(ask, self._client, ["la", "-o", "json"])).json() or []
        except DoorError as exc:
            self._client.screen.complain(f"viscript: {exc.text}\n")
            return
        busy = [row for row in rows if row.get("state") in ("stopping", "starting", "waiting")]
        for row in busy:
            self._client.screen.complain(f"[{row['id']}] {row['name']} is still {row['state']}\n")

    def _connected(self, now: bool) -> None:
        if now == self._status.connected:
            return
        self._status.connected = now
        if now and self._seen_connected:
            self._notice("the daemon is back")
        elif not now:
            self._notice(
                "the daemon is gone; the apps go on. Waiting for it; to start one: viscript daemon --detach"
            )
        self._seen_connected = True
        self._editor.app.invalidate()

    def _told(self, line: Told) -> None:
        if isinstance(line.get("s"), dict):
            self._status.take(line["s"])
        event = line.get("ev", line.get("far"))
        if isinstance(event, dict):
            sentence = self._notices.sentence(event)
            if sentence:
                self._status.last_event = sentence
            if sentence and (news := self._own.sift(event, sentence)):
                self._notice(news)
        self._completer.forget()
        self._editor.app.invalidate()

    def _notice(self, sentence: str) -> None:
        """Print a line without spoiling what is being typed."""
        if self._editor.app.is_running:
            self._editor.app.create_background_task(self._above(sentence))
        else:
            self._client.screen.say(f"{sentence}\n")

    async def _above(self, sentence: str) -> None:
        await run_in_terminal(lambda: self._client.screen.say(f"{sentence}\n"))
