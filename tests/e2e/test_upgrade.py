"""Stop the daemon, start newer code: the apps and the keeper's pid stay, no line is lost."""

import shutil
import sys
from pathlib import Path

from tests.support.home import ScratchHome
from tests.support.logged import assert_complete, logged
from tests.support.wait import eventually

ROOT = Path(__file__).resolve().parents[2]
LINES = Path(__file__).parent / "programs" / "lines.py"
PACKAGES = ("signal_bus", "viscript", "components", "plugins")


def new_code(folder: Path) -> None:
    """The same program under the next version."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    module = folder / "viscript" / "__init__.py"
    text = module.read_text()
    module.write_text(text.replace('__version__ = "', '__version__ = "99.'))


def test_an_upgrade_keeps_apps_keeper_and_every_line(scratch_home: ScratchHome, short_tmp: Path) -> None:
    config = f"apps: {{w: {{command: [{sys.executable}, {LINES}, '0', '0.001']}}}}"
    scratch_home.start_daemon(config)
    scratch_home.viscript("s", "w").ok()
    app, keeper = scratch_home.viscript("la", "-o", "json").json()[0]["pid"], scratch_home.keeper_pid()
    scratch_home.viscript("daemon", "stop").ok()
    eventually(lambda: scratch_home.viscript("la").code == 4)
    new_code(short_tmp / "next")
    scratch_home.environ["PYTHONPATH"] = str(short_tmp / "next")
    scratch_home.start_daemon(scratch_home.root / "config.yaml")
    status = scratch_home.viscript("daemon", "status", "-o", "json").ok().json()
    assert status["version"].startswith("99.")
    log = scratch_home.root / "log" / "daemon.log"
    eventually(lambda: "is asked to become version=99." in log.read_text())
    eventually(lambda: scratch_home.viscript("ping", "1").code == 0)
    row = scratch_home.viscript("la", "-o", "json").ok().json()[0]
    assert (row["pid"], row["generation"], row["restarts"]) == (app, 1, 0)
    assert scratch_home.keeper_pid() == keeper
    scratch_home.viscript("sd", "1", "--now").ok()
    assert assert_complete(logged(scratch_home.root / "logs" / "1-w")) > 100
