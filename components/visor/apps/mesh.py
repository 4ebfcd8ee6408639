"""The groups of this node as the app server's mesh, and the app server as their taker.

taker = AppTaker()
groups = Groups(..., taker=taker, ...)
async with AppServer(path, GroupDialler(groups, key)) as taker.server: ...
"""

import socket

from components.visor.apps.dialler import Over
from components.visor.apps.joints import JointOffer, JointStream, open_stream
from components.visor.apps.server import AppServer
from components.visor.groups.groups import Groups, refuse
from components.visor.groups.path import Policy
from components.visor.plane.joint import Joint
from signal_bus.ids import PublicKey


class GroupDialler:
    """A `Dialler`."""

    def __init__(self, groups: Groups, key: PublicKey) -> None:
        self.key = key
        self._groups = groups

    async def dial(
        self, pk: PublicKey, port: int, source: int, policy: Policy, sock: socket.socket, over: Over
    ) -> JointStream:
        """A stream that the peer accepted. Raises `MeshError`."""
        try:
            joint = await self._groups.dial(pk, policy)
        except BaseException:
            sock.close()
            raise
        return await open_stream(joint, port, source, sock, over)

    def message(self, pk: PublicKey, port: int, source: int, policy: Policy, body: bytes) -> bool:
        """Send a message by a group that is open; without one it is dropped."""
        for joint in self._groups.joints():
            if joint.peer == pk and joint.open_routes:
                return joint.group.send(port, body, source=source)
        return False


class AppTaker:
    """A `Taker`. `server` is None before the apps are served and after."""

    def __init__(self) -> None:
        self.server: AppServer | None = None

    def offered(self, joint: Joint, stream: int, port: int, source: int) -> None:
        """A peer opens a stream."""
        if self.server is None:
            refuse(joint, stream)
        else:
            self.server.offered(JointOffer(joint, stream, port, source))

    def message(self, joint: Joint, port: int, source: int, body: memoryview) -> None:
        """A message came."""
        if self.server is not None:
            self.server.message(joint.peer, port, source, body)
