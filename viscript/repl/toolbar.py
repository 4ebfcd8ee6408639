"""The bottom line of the prompt. Pure."""

from dataclasses import dataclass

from prompt_toolkit.utils import get_cwidth


@dataclass
class Status:
    """What the bottom line tells; the link and the prompt keep it fresh."""

    connected: bool = False
    host: str = ""
    running: int = 0
    failed: int = 0
    peers: int = 0
    hosts_up: int = 0
    hosts_down: int = 0
    last_event: str = ""
    code: int = 0
    vi: bool = False

    def take(self, told: dict[str, object]) -> None:
        """What the daemon says of itself."""
        self.connected = True
        self.host = str(told.get("host", self.host))
        self.running = _count(told.get("running"))
        self.failed = _count(told.get("failed"))
        self.peers = _count(told.get("peers"))
        self.hosts_up, self.hosts_down = _count(told.get("hosts_up")), _count(told.get("hosts_down"))


def toolbar(status: Status, columns: int) -> str:
    """The line, cut to the width of the screen; what matters most stands first."""
    parts = [f"daemon {status.host}" if status.connected else "no daemon"]
    if status.connected:
        parts.append(f"{status.running} running, {status.failed} failed")
    if status.hosts_up + status.hosts_down > 1:
        parts.append(f"hosts {status.hosts_up} up, {status.hosts_down} down")
    if status.peers:
        parts.append(f"{status.peers} peers")
    parts.append(f"$? {status.code}")
    parts.append("F4 vi" if status.vi else "F4 emacs")
    if status.last_event:
        parts.append(status.last_event)
    return _cut(" " + " | ".join(parts), columns)


def _cut(text: str, columns: int) -> str:
    if get_cwidth(text) <= columns:
        return text
    while text and get_cwidth(text) > columns - 1:
        text = text[:-1]
    return text + "~"


def _count(value: object) -> int:
    if isinstance(value, (list, tuple, dict)):
        return len(value)
    return int(value) if isinstance(value, (int, float)) else 0
