"""Names of keys: what people say for a key, and what they are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from components.mesh.errors import MeshError
from components.visor.node.node import Node
from components.visor.plane.joint import Joint
from signal_bus.errors import RemoteError
from signal_bus.ids import PublicKey

Row = dict[str, Any]  # Any: plain data, as JSON has it


class Names:
    """Reads and writes the names of one node's peers."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def key(self, text: str) -> PublicKey:
        """The key a text means. Raises `RemoteError`."""
        with told("not-found"):
            return self._node.named(text).key

    def label(self, key: PublicKey) -> str:
        """What this key is called here; nothing where it has no name."""
        return "this node" if key == self._node.key else self._node.book.label(key)

    def name(self, key: PublicKey) -> str:
        """A label, or the first digits of a key."""
        return self.label(key) or key.hex()[:12]

    def way(self, joint: Joint) -> str:
        """The route streams go by now, in words."""
        active = joint.group.active
        return "no route" if active is None else self.route(joint, active)

    def route(self, joint: Joint, number: int) -> str:
        """One route of a group, in words."""
        if not joint.initiates:
            return "dialled by it"
        return self.between(self._node.groups.path_of(joint, number))

    def between(self, keys: Sequence[PublicKey]) -> str:
        """A path in words, by the nodes between its ends."""
        return "by " + ", ".join(map(self.name, keys)) if keys else "direct"


@contextmanager
def told(code: str = "failed") -> Iterator[None]:
    """What goes wrong in the mesh is told to the asker as an error of the bus."""
    try:
        yield
    except MeshError as exc:
        raise RemoteError(getattr(exc, "code", "") or code, str(exc)) from exc
