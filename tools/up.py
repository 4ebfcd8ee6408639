"""`boot.py up`: a running daemon with the repository's config.yaml, then `viscript` in this process."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from tools import environment


def run(root: Path, args: list[str], *, apt: bool) -> int:
    """Set up, start the daemon if none answers, become `viscript ARGS`. Returns only on failure."""
    python = str(environment.ensure(root, "runtime", apt=apt))
    viscript = [python, "-P", "-m", "viscript"]
    config = root / "config.yaml"
    running = running_config()
    if running is None:
        code = subprocess.run(
            [*viscript, "daemon", "--config", str(config), "--detach"],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,  # `up -c 'apps'` prints nothing but the answer on stdout
            check=False,
        ).returncode
        if code:
            return code
    elif running != str(config):
        sys.stderr.write(f"boot: a daemon already runs here, with {running or 'no config file'}\n")
    sys.stderr.flush()
    os.execv(python, [*viscript, *args])


def running_config() -> str | None:
    """The config file of the daemon that answers in this home ("" for none); None when no daemon answers."""
    from viscript.home import find_home

    run_folder = Path(find_home(os.environ).run)
    door = socket.socket(socket.AF_UNIX)
    door.settimeout(2)
    try:
        door.connect(str(run_folder / "verbs.sock"))
    except OSError:
        return None
    finally:
        door.close()
    try:
        facts = json.loads((run_folder / "daemon.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(facts.get("config") or "") if isinstance(facts, dict) else ""
