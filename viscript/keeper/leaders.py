"""Notices the end of a leader: of our children by the reaper, of adopted ones by a pidfd or by looking."""

import os
from typing import Final, Protocol

from viscript.keeper.host import Host
from viscript.keeper.instance import Instance
from viscript.keeper.loop import URGENT, Loop
from viscript.keeper.orphans import Orphans
from viscript.keeper.policy import Exit, exit_from_status

_POLL_S: Final = 0.25  # for hosts without pidfds


class Listener(Protocol):
    """Who hears of ends."""

    def leader_gone(self, instance: Instance, pid: int, end: Exit) -> None:
        """The leader of an app ended."""

    def orphan_gone(self, seq: int) -> None:
        """Something that an app had left behind ended."""


class Leaders:
    """Knows which process leads which app."""

    def __init__(self, loop: Loop, host: Host, orphans: Orphans, listener: Listener) -> None:
        self._loop = loop
        self._host = host
        self._orphans = orphans
        self._listener = listener
        self._by_pid: dict[int, Instance] = {}

    def watch_own(self, instance: Instance, pid: int) -> None:
        """A leader that is our child. Without a pidfd the reaper tells, which takes longer among many."""
        self._by_pid[pid] = instance
        self._orphans.spawned(pid)
        watcher = self._host.watch(pid)
        if watcher is not None:
            instance.watcher = watcher
            self._loop.read(watcher, lambda: self._wait_for(instance, pid), URGENT)

    def watch_adopted(self, instance: Instance, pid: int) -> None:
        """A leader that is not our child."""
        self._by_pid[pid] = instance
        watcher = self._host.watch(pid)
        if watcher is None:
            self._loop.after(_POLL_S, lambda: self._poll(instance, pid))
            return
        instance.watcher = watcher
        self._loop.read(watcher, lambda: self._look(instance, pid), URGENT)

    def children_gone(self, gone: list[tuple[int, Exit]]) -> None:
        """Children were reaped, all of them before the first is dealt with."""
        owners = [self._orphans.reaped(pid) for pid, _ in gone]
        for (pid, end), owner in zip(gone, owners, strict=True):
            instance = self._by_pid.get(pid)
            if instance is not None:
                self._gone(instance, pid, end)
            elif owner is not None:
                self._listener.orphan_gone(owner)

    def lost(self, instance: Instance, pid: int, end: Exit) -> None:
        """A leader ended while no keeper was there."""
        self._gone(instance, pid, end)

    def _wait_for(self, instance: Instance, pid: int) -> None:
        """A pidfd says that this child ended: no need to search all children for it."""
        try:
            ended, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            return  # the reaper had it first
        if ended == pid:
            self._orphans.reaped(pid)
            self._gone(instance, pid, exit_from_status(status))

    def _gone(self, instance: Instance, pid: int, end: Exit) -> None:
        self._by_pid.pop(pid, None)
        if instance.watcher >= 0:
            self._loop.forget(instance.watcher)
            os.close(instance.watcher)
            instance.watcher = -1
        self._listener.leader_gone(instance, pid, end)

    def _look(self, instance: Instance, pid: int) -> None:
        end = self._host.exit_of(pid, instance.start, instance.watcher)
        if end is not None and instance.pid == pid:
            self._gone(instance, pid, end)

    def _poll(self, instance: Instance, pid: int) -> None:
        if instance.pid != pid:
            return
        self._look(instance, pid)
        if instance.pid == pid:
            self._loop.after(_POLL_S, lambda: self._poll(instance, pid))
