"""What the demo consists of: five visors in a ring, their services, and apps at two of them. Pure.

        ann --- ben --- cho
         |               |
        eve ----------- dan

Each is an ordinary app of an ordinary configuration; the first visor is called `visor` and its chat
`skychat`, so that the verbs ask these.
"""

import sys
from pathlib import Path
from typing import Any, Final

NODES: Final = ("ann", "ben", "cho", "dan", "eve")
RING: Final = tuple(zip(NODES, (*NODES[1:], NODES[0]), strict=True))
SPEAKER: Final = "ann"
LISTENER: Final = "cho"  # two links away, whichever way round is shorter
LINES: Final = "lines"
LOOPBACK: Final = "127.0.0.1"
SERVICES: Final = ("components.node_manager", "components.node_manager.setup", "components.messenger")
PORTS: Final = ("manager", "setup", "messenger", "socks", "web", "page", "other_page")

App = dict[str, Any]  # Any: values of a config file


def visor(node: str) -> str:
    """The name of the app that is this node."""
    return "visor" if node == SPEAKER else f"visor-{node}"


def chat(node: str) -> str:
    """The name of the chat of this node."""
    return "skychat" if node == SPEAKER else f"skychat-{node}"


def config(root: Path, ports: dict[str, int]) -> dict[str, App]:
    """All apps; `ports` has one for each of `PORTS`."""
    apps = {
        "directory": _app("components.node_manager", "--listen", _at(ports["manager"])),
        "setup": _app(
            "components.node_manager.setup",
            *("--listen", _at(ports["setup"]), "--directory", f"http://{_at(ports['manager'])}"),
            needs=["directory"],
        ),
        "relay": _app(
            "components.messenger",
            *("--listen", _at(ports["messenger"]), "--discovery", f"http://{_at(ports['manager'])}"),
            needs=["directory"],
        ),
    }
    apps |= {visor(node): _visor(root, node) for node in NODES}
    for node, page in ((SPEAKER, "page"), (LISTENER, "other_page")):
        apps[f"{LINES}-{node}"] = _at_node(root, node, "plugins.mesh.lines", LINES)
        apps[chat(node)] = _at_node(root, node, "plugins.skychat.server", "chat", "-addr", _at(ports[page]))
    apps["web"] = _web(root, ports["web"])
    apps["socks-exit"] = _at_node(root, LISTENER, "plugins.socks.server", "exit", "--allow-private")
    return apps


def socks_client(root: Path, exit_key: str, port: int) -> App:
    """The proxy of this machine that leaves the mesh at the exit: its key is known when the exit runs."""
    words = ("--listen", _at(port), "--http", "off", "--peer", exit_key)
    return _at_node(root, SPEAKER, "plugins.socks.client", "proxy", *words)


def state(root: Path, node: str) -> Path:
    """The folder of one node."""
    return root / node


def _visor(root: Path, node: str) -> App:
    folder = state(root, node)
    return _app(
        "components.visor",
        *(
            "--listen",
            _at(0),
            "--state",
            str(folder),
            "--identity",
            str(folder / "identity"),
            "--alias",
            node,
        ),
        needs=["directory", "setup", "relay"],
    )


def _at_node(root: Path, node: str, module: str, name: str, *words: str) -> App:
    return _app(module, name, str(state(root, node) / "app.sock"), *words, needs=[visor(node)])


def _web(root: Path, port: int) -> App:
    folder = str(root / "site")
    words = (str(port), "--bind", LOOPBACK, "--directory", folder)
    return {**_app("http.server", *words), "ready": {"tcp": _at(port)}}


def _app(module: str, *words: str, needs: list[str] | None = None) -> App:
    return {
        "command": [sys.executable, "-P", "-m", module, *words],
        "daemon": True,
        "autostart": module not in SERVICES,  # those are started by who needs them
        "needs": needs or [],
        "ready": {"signal": True},
    }


def _at(port: int) -> str:
    return f"{LOOPBACK}:{port}"
