"""What the demo does, step by step; each step tells what it showed, and leaves its figures."""

import json
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from viscript.demo import layout
from viscript.demo.fetch import page
from viscript.demo.layout import LINES, LISTENER, LOOPBACK, NODES, RING, SPEAKER, chat, visor
from viscript.demo.scene import Scene
from viscript.prove.verdict import BrokenPromise

Row = dict[str, Any]  # Any: JSON as it came
START_S: Final = 60.0
SPARE_S: Final = 10.0  # for a second way: it is looked for in the background
FLOW_S: Final = 0.5  # before and after the cut
HEALED_S: Final = 30.0
MESSAGE_S: Final = 30.0
TALK: Final = (
    (SPEAKER, LISTENER, "Hello Mike!"),
    (LISTENER, SPEAKER, "Hello Joe!"),
    (SPEAKER, LISTENER, "System is working!"),
)
SITE: Final = "Hello from the other side of the mesh"


@dataclass
class Figures:
    """What was measured so far."""

    ready_s: float = 0.0
    message_s: float = 0.0
    path: list[str] = field(default_factory=list)
    heal_s: float = 0.0
    lost: int = 0
    doubled: int = 0


class Script:
    """One run. Every step raises `BrokenPromise` when it does not go as it must."""

    def __init__(self, scene: Scene, tell: Callable[[str], None]) -> None:
        self.figures = Figures()
        self.ports = free_ports()
        self._scene = scene
        self._tell = tell
        self._begun = time.monotonic()
        self._keys: dict[str, str] = {}

    def run(self) -> Figures:
        """All steps."""
        self.start()
        self.speak()
        self.cut()
        self.browse()
        return self.figures

    # -- steps

    def start(self) -> None:
        """Everything runs, and the nodes are linked in a ring."""
        root = self._scene.root
        (root / "site").mkdir()
        (root / "site" / "index.html").write_text(SITE + "\n", encoding="utf-8")
        self._scene.open(layout.config(root, self.ports))
        self._timed("a daemon and its keeper")
        self._wait_for_all()
        healths = {node: self._rpc(visor(node), "health") for node in NODES}
        self._keys = {node: health["public_key"] for node, health in healths.items()}
        self._timed("directory, setup node, messenger; five visors, each with a key of its own; chat, SOCKS")
        for one, other in RING:
            self._link(one, other, healths[other]["address"])
        for node in NODES[1:]:
            self._rpc(visor(SPEAKER), "name_peer", peer=self._keys[node], label=node)
        self._timed("links in a ring: " + " - ".join((*NODES, NODES[0])))
        self.figures.ready_s = time.monotonic() - self._begun

    def speak(self) -> None:
        """A chat with a node that is no neighbour."""
        took = [self._said(*each) for each in TALK]
        self.figures.message_s = took[0]
        self.figures.path = self._path()
        said = "".join(f'  {one}: "{text}"\n' for one, _, text in TALK)
        self._tell(
            f"\n{SPEAKER} and {LISTENER}, who are no neighbours, chat by {_way(self.figures.path)}:\n{said}"
            f"  the first arrived after {_ms(took[0])}, a way and keys for it included; the others after"
            f" {_ms(took[1])} and {_ms(took[2])}.\n"
            f"  {self.figures.path[1]} carries it, and cannot read it.\n"
        )

    def cut(self) -> None:
        """A link of the way is taken while lines flow: they go on by the other side of the ring."""
        before = self._path()
        has_spare = self._waited_for_a_spare()
        self._rpc(f"{LINES}-{SPEAKER}", "begin", peer=self._keys[LISTENER])
        time.sleep(FLOW_S)
        removed = self._cut_link(before[1])
        self._scene.until(lambda: self._path() not in ([], before), "another way is used", HEALED_S)
        time.sleep(FLOW_S)
        flow = self._rpc(f"{LINES}-{SPEAKER}", "end")
        after = self._path()
        self._rpc(visor(SPEAKER), "add_transport", peer=removed)
        figures = self.figures
        figures.heal_s = flow["longest_gap_seconds"]
        figures.lost, figures.doubled = flow["lost"], flow["doubled"]
        if figures.lost or figures.doubled:
            raise BrokenPromise(f"{figures.lost} of {flow['sent']} lines lost, {figures.doubled} doubled")
        spare = "" if has_spare else " (a second way was not ready yet)"
        self._tell(
            f"\nThe link {before[0]} - {before[1]} is cut while they talk{spare}: it goes on {_way(after)}.\n"
            f"  healed in {_ms(figures.heal_s)}; of {flow['sent']} lines none was lost, none doubled.\n"
            "  The link is mended again.\n"
        )

    def browse(self) -> None:
        """A page by SOCKS, in the mesh at one node and out at another."""
        root, port = self._scene.root, self.ports["socks"]
        apps = layout.config(root, self.ports)
        apps["socks"] = layout.socks_client(root, self._keys[LISTENER], port)
        self._scene.configure(apps)
        self._scene.done("apply", str(self._scene.config))
        self._wait_for_all()
        text = page((LOOPBACK, port), (LOOPBACK, self.ports["web"]))
        if text != SITE:
            raise BrokenPromise(f"the page says {text!r}")
        self._tell(
            f"\nA page by SOCKS, in at {SPEAKER} and out at {LISTENER}:\n"
            f'  {LOOPBACK}:{port} -> mesh -> http://{LOOPBACK}:{self.ports["web"]}/: "{text}"\n'
        )

    def invitation(self) -> str:
        """What to try while it is up."""
        proxy, web = self.ports["socks"], self.ports["web"]
        tries = (
            ("viscript la", "all that runs"),
            (f"viscript ping peer:{LISTENER} -c 3", "round trips, encrypted from end to end"),
            ("viscript route ls", "the ways, and the one held ready"),
            ("viscript mesh map", "all nodes and links"),
            (f'viscript chat {LISTENER} "Are you there?"', "a text that waits for whoever is away"),
            ("viscript chat page", "a link to the page of this chat"),
            ("viscript meter", "who sent how much, signed by both ends"),
            (f"viscript sd {visor('ben')}", "a node less: what went by it goes on"),
            (f"curl -x socks5h://{LOOPBACK}:{proxy} http://{LOOPBACK}:{web}/", "the page again"),
        )
        width = max(len(words) for words, _ in tries)
        lines = "".join(f"    {words:<{width}}   # {text}\n" for words, text in tries)
        home = f"    export VISCRIPT_HOME={self._scene.root}\n"
        return f"\nIt stays up until Ctrl-C. In another terminal:\n\n{home}{lines}\n"

    # -- inside

    def _timed(self, text: str) -> None:
        self._tell(f"  {time.monotonic() - self._begun:5.1f} s  {text}\n")

    def _rpc(self, app: str, method: str, **params: object) -> Any:  # Any: each method answers its own
        return self._scene.done("rpc", app, method, json.dumps(params), "-o", "json").json()

    def _wait_for_all(self) -> None:
        """Until every app is ready; who is not is named, with the cause."""
        try:
            self._scene.until(lambda: not self._missing(), "all apps are ready", START_S)
        except BrokenPromise as exc:
            names = ", ".join(map(self._why, self._missing()))
            raise BrokenPromise(f"after {START_S:g} s not ready: {names or exc.text}") from exc

    def _missing(self) -> list[str]:
        """The apps that are not ready."""
        wanted = json.loads(self._scene.config.read_text())["apps"]
        rows = self._scene.rows().values()
        ready = {row["name"] for row in rows if row["state"] in ("ready", "running")}
        return [name for name in wanted if name not in ready]

    def _why(self, name: str) -> str:
        said = self._scene.ask("why", name, "-o", "json")
        if said.code:
            return name
        why = said.json()
        lines = " / ".join(why["last_lines"])
        return f"{name} ({why['state']}: {why['text']}{': ' + lines if lines else ''})"

    def _link(self, one: str, other: str, address: str) -> None:
        row = self._rpc(visor(one), "add_transport", peer=f"{self._keys[other]}@{address}")
        if not row["up"]:
            raise BrokenPromise(f"the link {one} - {other} is not up: {row['reason'] or 'no answer'}")

    def _said(self, one: str, other: str, text: str) -> float:
        """The seconds until the other one's chat has the text."""
        begun = time.monotonic()
        self._rpc(chat(one), "say", to=self._keys[other], text=text)
        self._scene.until(lambda: self._has(other, text), f"{other} has {text!r} of {one}", MESSAGE_S)
        return time.monotonic() - begun

    def _has(self, node: str, text: str) -> bool:
        return any(row["text"] == text for row in self._rpc(chat(node), "unread"))

    def _path(self) -> list[str]:
        """The nodes of the way that is used now, both ends included."""
        for row in self._routes():
            if not row["standby"]:
                return [SPEAKER, *row["hop_names"]]
        return []

    def _routes(self) -> list[Row]:
        return [row for row in self._rpc(visor(SPEAKER), "routes") if row["dst"] == self._keys[LISTENER]]

    def _waited_for_a_spare(self) -> bool:
        try:
            self._scene.until(lambda: len(self._routes()) > 1, "a second way is ready", SPARE_S)
        except BrokenPromise:
            return False
        return True

    def _cut_link(self, neighbour: str) -> str:
        """Take the link to a neighbour: what to add to have it again."""
        key = self._keys[neighbour]
        (row,) = [each for each in self._rpc(visor(SPEAKER), "transports") if each["public_key"] == key]
        self._rpc(visor(SPEAKER), "remove_transport", transport=row["id"])
        return f"{key}@{row['address']}" if row["address"] else key


def free_ports() -> dict[str, int]:
    """Ports that nobody has now."""
    with ExitStack() as stack:
        taken: Mapping[str, socket.socket] = {
            name: stack.enter_context(socket.create_server((LOOPBACK, 0))) for name in layout.PORTS
        }
        return {name: sock.getsockname()[1] for name, sock in taken.items()}


def _way(path: list[str]) -> str:
    return " -> ".join(path)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
