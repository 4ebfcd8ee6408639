"""Promise: a secret that was given is in no output, no log, no event and no file that others may read."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.support.home import ScratchHome
from tests.support.programs import SLEEP, config, row
from tests.support.wait import eventually

CANARY = "canary-7f3a9c"
LOOKS = (
    ("la", "-a", "-f"),
    ("la", "-a", "-f", "-o", "wide"),
    ("la", "-a", "-f", "-o", "json"),
    ("la", "-a", "-f", "-o", "yaml"),
    ("apps", "-l"),
    ("apps", "-l", "-o", "json"),
    ("status", "1"),
    ("status", "1", "-o", "json"),
    ("why", "1"),
    ("why", "1", "-o", "json"),
    ("why", "2", "-o", "json"),
    ("config", "show"),
    ("config", "show", "-o", "json"),
    ("config", "show", "--origin"),
    ("config", "diff"),
    ("config", "explain", "apps.web.env"),
    ("events", "-n", "1000"),
    ("events", "-n", "1000", "-o", "jsonl"),
    ("help", "web"),
    ("ru", "1", "-o", "json"),
    ("daemon", "status", "-o", "json"),
    ("plugins", "-o", "json"),
    ("apply", "--dry-run", "-o", "json"),
    ("doctor", "-o", "json"),
    ("history",),
)


@pytest.fixture
def home(scratch_home: ScratchHome) -> ScratchHome:
    """Secrets in every place that takes one; an app that has them, and one that ended badly with them."""
    secret = scratch_home.root / "secret"
    secret.write_text(f"{CANARY}-file\n")
    dotenv = scratch_home.root / "dotenv"
    dotenv.write_text(f"DB_PASSWORD={CANARY}-dotenv\n")
    env = {
        "API_TOKEN": f"{CANARY}-token",
        "FROM_FILE": {"secret": {"file": str(secret)}},
        "FROM_ENV": {"secret": {"env": "CANARY_SOURCE"}},
        "DATABASE": f"postgres://ann:{CANARY}-url@db/x",
    }
    given = {"env": env, "env_file": [str(dotenv)]}
    argv = ["sh", "-c", "exec sleep 1000", "web", f"--password={CANARY}-arg", "--token", f"{CANARY}-next"]
    bad = ["sh", "-c", "exit 3", "bad", f"--api-key={CANARY}-bad"]
    apps: dict[str, dict[str, Any]] = {
        "web": {"command": argv, **given},
        "bad": {"command": bad, **given, "restart": {"policy": "never"}},
        "plain": SLEEP,
    }
    scratch_home.environ["CANARY_SOURCE"] = f"{CANARY}-env"
    scratch_home.start_daemon(config(apps))
    scratch_home.viscript("s", "web", "-e", f"MY_SECRET={CANARY}-option").ok()
    assert scratch_home.viscript("s", "bad").code == 1
    return scratch_home


def test_the_app_itself_has_them_all(home: ScratchHome) -> None:
    environ = Path(f"/proc/{row(home)['pid']}/environ").read_bytes()
    for kind in ("token", "file", "env", "url", "dotenv", "option"):
        assert f"{CANARY}-{kind}".encode() in environ


def test_no_verb_shows_one(home: ScratchHome) -> None:
    told = []
    for argv in LOOKS:
        answer = home.viscript(*argv)
        assert answer.code in (0, 3), f"{argv}: {answer.err}"
        if CANARY in answer.out + answer.err:
            told.append(argv)
    assert told == []


def test_no_error_shows_one(home: ScratchHome) -> None:
    for argv in (
        ("s", "web", f"--password={CANARY}", "--no-such"),
        ("s", "no-such-app", f"--password={CANARY}"),
        ("s", "bad"),
        ("s", "bad", "-e", f"TOKEN={CANARY}"),
    ):
        answer = home.viscript(*argv)
        assert CANARY not in answer.out + answer.err


def test_no_file_of_ours_holds_one_that_others_may_read(home: ScratchHome) -> None:
    home.viscript("restart", "web").ok()
    home.kill_daemon()
    eventually(lambda: home.viscript("la").code == 0)
    home.viscript("daemon", "stop", "--stop-all").ok()
    for path in home.root.rglob("*"):
        if not path.is_file() or path.name in ("secret", "dotenv", "config.yaml"):
            continue
        if CANARY.encode() in path.read_bytes():
            assert "log" not in path.parts[len(home.root.parts) :], f"{path} is a log"
            assert not others_may_read(path, home.root), f"{path} may be read by others"


def test_no_process_of_ours_has_one_on_its_command_line(home: ScratchHome) -> None:
    own = {home.daemon_pid(), home.keeper_pid()}
    for process in home.processes():
        if process.pid in own:
            assert CANARY not in " ".join(process.cmdline())


def others_may_read(path: Path, root: Path) -> bool:
    """Whether anybody but the owner gets at a file: every folder on the way must let him pass."""
    way = [path, *(folder for folder in path.parents if folder.is_relative_to(root))]
    return all(os.stat(step).st_mode & (stat.S_IROTH | stat.S_IXOTH) for step in way)
