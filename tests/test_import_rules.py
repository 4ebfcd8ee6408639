"""The import rules of setup.cfg, on a small tree: what is allowed passes, each thing forbidden is found."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINT = Path(sys.executable).with_name("lint-imports")

ALLOWED = {
    "signal_bus/__init__": "",
    "signal_bus/errors": "",
    "signal_bus/identity": "import signal_bus.errors",
    "signal_bus/ids": "",
    "signal_bus/client": "import signal_bus.errors",
    "viscript/__init__": "",
    "viscript/plugin": "import viscript.table",
    "viscript/table": "import signal_bus.client",
    "components/__init__": "",
    "components/mesh/__init__": "",
    "components/mesh/keys": "import signal_bus.identity\nimport signal_bus.ids",
    "components/visor/__init__": "",
    "components/visor/app": "import components.mesh.keys\nimport signal_bus.client",
    "components/node_manager/__init__": "import components.mesh",
    "plugins/__init__": "",
    "plugins/socks": "import viscript.plugin\nimport signal_bus.client\nimport components.visor.app",
    "plugins/vpn/__init__": "import plugins.vpn.tun",
    "plugins/vpn/tun": "",
}

FORBIDDEN = [
    ("signal_bus/errors", "viscript"),
    ("signal_bus/errors", "plugins.socks"),
    ("viscript/table", "components.mesh"),
    ("viscript/table", "plugins.socks"),
    ("components/visor/app", "viscript.table"),
    ("components/visor/app", "components.node_manager"),
    ("components/mesh/keys", "components.visor"),
    ("components/mesh/keys", "signal_bus.errors"),
    ("components/mesh/keys", "signal_bus"),
    ("components/unheard/__init__", "signal_bus"),
    ("plugins/socks", "viscript.table"),
    ("plugins/socks", "components.mesh"),
    ("plugins/socks", "signal_bus.identity"),
    ("plugins/socks", "plugins.vpn"),
]


def lint(folder: Path, files: dict[str, str]) -> subprocess.CompletedProcess[str]:
    for name, text in files.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return subprocess.run(
        [str(LINT), "--no-logo", "--no-cache", "--config", str(ROOT / "setup.cfg")],
        cwd=folder,
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_the_design_allows_passes(tmp_path: Path) -> None:
    answer = lint(tmp_path, ALLOWED)
    assert "0 broken" in answer.stdout, answer.stdout + answer.stderr


@pytest.mark.parametrize("importer, imported", FORBIDDEN)
def test_what_the_design_forbids_is_found(tmp_path: Path, importer: str, imported: str) -> None:
    text = f"{ALLOWED.get(importer, '')}\nimport {imported}\n"
    answer = lint(tmp_path, {**ALLOWED, importer: text})
    assert answer.returncode == 1
    assert "0 broken" not in answer.stdout, answer.stdout
    assert "broken" in answer.stdout, answer.stdout + answer.stderr
