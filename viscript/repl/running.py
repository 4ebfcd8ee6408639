"""Runs what was typed while the loop goes on: the talk with the daemon has a thread, Ctrl-C reaches it."""

import asyncio
import signal
import socket
from collections.abc import Callable
from functools import partial

from viscript.errors import ExitCode
from viscript.local import attach, inplace, question
from viscript.local.client import Client
from viscript.local.door import Door, DoorError
from viscript.repl.own import failed_ids

Takeover = Callable[[], int]  # what has the terminal next; the exit code


class Talk:
    """One verb run by the daemon. `run` may be interrupted; a second interrupt hangs up."""

    def __init__(self, client: Client, argv: list[str]) -> None:
        self._client = client
        self._argv = argv
        self._door: Door | None = None
        self.interrupts = 0
        self.failed: set[str] = set()  # the ids of which it was told that they did not start

    async def run(self) -> int:
        """The exit code; what the verb prints appears as it comes."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self.interrupt)
        try:
            code, hand_over = await asyncio.to_thread(self._talk)
            if hand_over is not None:
                loop.remove_signal_handler(signal.SIGINT)
                code = hand_over()
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            if self._door is not None:
                self._door.close()
        return int(ExitCode.INTERRUPTED) if self.interrupts and hand_over is None else code

    def interrupt(self) -> None:
        """Give the verb up: politely first, then by hanging up."""
        self.interrupts += 1
        if self._door is None:
            return
        if self.interrupts == 1:
            self._door.interrupt()
            return
        try:
            self._door.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it hung up by itself

    def _talk(self) -> tuple[int, Takeover | None]:
        try:
            self._door = Door(self._client.home.verbs_socket)
            self._door.ask(self._client.request({"argv": self._argv}))
            return self._relay(self._door)
        except DoorError as exc:
            if self.interrupts:
                return int(ExitCode.INTERRUPTED), None
            return self._client.fail(exc.code, exc.text), None

    def _relay(self, door: Door) -> tuple[int, Takeover | None]:
        for answer in door.lines():
            if "o" in answer:
                self._client.screen.say(str(answer["o"]))
            elif "e" in answer:
                self.failed |= failed_ids(str(answer["e"]))
                self._client.screen.complain(str(answer["e"]))
            elif "q" in answer:
                question.answer(self._client.screen, door, answer["q"])
            elif "x" in answer:
                return int(str(answer["x"])), None
            elif "a" in answer:
                return 0, partial(attach.take_over, self._client, door, answer["a"])
            elif "p" in answer:
                return 0, partial(inplace.run, self._client, door, answer["p"])
        raise DoorError(ExitCode.UNREACHABLE, "the daemon went away before this was done; the apps go on")


def interruptible(work: Callable[[], int]) -> int:
    """Run a verb of the client itself; Ctrl-C ends it and not the prompt."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return work()
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)
    finally:
        signal.signal(signal.SIGINT, before)
