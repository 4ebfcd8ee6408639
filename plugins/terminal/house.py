"""The terminal's side of SSH: a stream of the mesh becomes a connection, in which a node opens sessions.

The node was proved by the mesh and found on the list before anything of it is read: SSH asks for no proof.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final, cast

import asyncssh

from components.visor.app import AppError, Stream
from plugins.terminal.account import Account
from plugins.terminal.carrier import Carrier
from plugins.terminal.files import Files
from plugins.terminal.session import Process, Session
from plugins.terminal.visitors import SESSIONS, NotAllowed, Use, Visitors

log = logging.getLogger(__name__)

LOGIN_S: Final = 30.0
ALIVE_S, ALIVE_TIMES = 30.0, 10  # a client that does not answer that often is gone
SFTP_VERSION: Final = 3
# Of what OpenSSH offers, the fast ones first. No compression: what a peer squeezes may unfold without end.
CIPHERS: Final = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com")


@dataclass(frozen=True)
class House:
    """What all visits share. Sessions outlive the visit they came with, so that programs end in order."""

    visitors: Visitors
    account: Account
    host_key: asyncssh.SSHKey
    files: bool
    sessions: asyncio.TaskGroup

    async def visit(self, stream: Stream) -> None:
        """From a stream to its end."""
        peer = stream.peer.hex()
        try:
            with self.visitors.admitted(peer):
                await self._serve(stream, peer)
        except NotAllowed as exc:
            log.warning("refused peer=%s: %s", peer, exc)
            _dismiss(stream, str(exc))
        except Exception:  # a bug in one visit must not end the others
            log.exception("a visit of peer=%s failed", peer)
        finally:
            stream.close()

    async def _serve(self, stream: Stream, peer: str) -> None:
        sock, _ = stream.detach()  # nothing was read
        carrier = Carrier(sock)
        try:
            connection = await asyncssh.connect_reverse(
                tunnel=cast(Any, carrier),  # Any: asyncssh calls `create_connection`, and nothing else of it
                config=None,
                server_factory=lambda: _Visit(self, carrier, peer),
                server_host_keys=[self.host_key],
                server_version="viscript",
                encoding=None,
                line_editor=False,
                encryption_algs=CIPHERS,
                compression_algs=None,
                agent_forwarding=False,
                connect_timeout=LOGIN_S,
                login_timeout=LOGIN_S,
                keepalive_interval=ALIVE_S,
                keepalive_count_max=ALIVE_TIMES,
            )
        except (OSError, asyncssh.Error) as exc:
            log.warning("no SSH with peer=%s: %s", peer, str(exc) or type(exc).__name__)
            return
        finally:
            carrier.close_unused()
        log.info("opened peer=%s", peer)
        try:
            await connection.wait_closed()
        finally:
            connection.abort()
        log.info("closed peer=%s", peer)


def _dismiss(stream: Stream, why: str) -> None:
    """Tell why, as a server may before SSH begins."""
    try:
        stream.write(f"{why}\r\n".encode())
    except AppError:
        log.debug("peer=%s is gone already", stream.peer.hex())


class _Visit(asyncssh.SSHServer):
    """One connection: who may do what in it."""

    def __init__(self, house: House, carrier: Carrier, peer: str) -> None:
        self.house = house
        self.carrier = carrier
        self.peer = peer
        self.rooms = 0  # channels that are open, used or not

    def begin_auth(self, username: str) -> bool:
        """Nothing is to be proved, and any user name is taken: there is one user."""
        return False

    def session_requested(self) -> Any:  # Any: asyncssh takes a session, or False
        """A channel, as long as there are not too many."""
        if self.rooms >= SESSIONS:
            log.warning("refused a session to peer=%s: it has %d in one connection", self.peer, self.rooms)
            return False
        return _Room(self)


class _Room(asyncssh.SSHServerProcess[bytes]):
    """One channel: what is asked for in it is done by a `Session`, or by `Files`."""

    def __init__(self, visit: _Visit) -> None:
        super().__init__(self._begin, self._files, SFTP_VERSION, False)
        self._visit = visit
        self._copying = ExitStack()
        visit.rooms += 1

    def subsystem_requested(self, subsystem: str) -> bool:
        """SFTP is the only one."""
        return subsystem == "sftp" and self._visit.house.files

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is closed."""
        self._visit.rooms -= 1
        self._copying.close()
        super().connection_lost(exc)

    def _begin(self, process: Process) -> None:
        self._visit.house.sessions.create_task(self._run(process))

    async def _run(self, process: Process) -> None:
        visit = self._visit
        use = Use(visit.peer, "shell" if process.command is None else "command", time.time())
        log.info("began peer=%s kind=%s", use.peer, use.kind)
        try:
            with visit.house.visitors.using(use):
                await Session(process, visit.carrier, visit.house.account, use).serve()
        except Exception:  # a bug in one session must not end the others
            log.exception("a session of peer=%s failed", use.peer)
            process.close()
        log.info("ended peer=%s kind=%s how=%r", use.peer, use.kind, use.how)

    def _files(self, channel: Any) -> Files:  # Any: asyncssh does not name the type of it
        use = Use(self._visit.peer, "files", time.time())
        log.info("began peer=%s kind=files", use.peer)
        self._copying.enter_context(self._visit.house.visitors.using(use))
        self._copying.callback(_over, use)
        return Files(channel, self._visit.carrier, use)


def _over(use: Use) -> None:
    use.until, use.how = time.time(), "closed"
    log.info("ended peer=%s kind=files sent=%d received=%d", use.peer, use.sent, use.received)
