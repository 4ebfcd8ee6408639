"""`doctor`: what is wrong with this machine, this home and its daemon, with what to do about it."""

import os
import resource
import shutil
from collections.abc import Iterator
from typing import Final

from viscript.errors import ExitCode
from viscript.home import is_ours
from viscript.local.ask import Answer, ask
from viscript.local.client import Client
from viscript.local.door import DoorError
from viscript.pluginhost.spec import DoctorCheck
from viscript.verbs.table import Call, Outcome

FEWEST_FILES: Final = 4096
LEAST_ROOM: Final = 256 * 1024 * 1024


def answer(client: Client, call: Call) -> Outcome:
    """All checks; exit 1 when one of them failed."""
    found = [*_home(client), _files(), *_daemon(client)]
    failed = any(check.status == "fail" for check in found)
    return Outcome(data=found, code=ExitCode.FAILED if failed else ExitCode.DONE)


def _home(client: Client) -> Iterator[DoctorCheck]:
    """Its owner and the room it has."""
    root = client.home.root
    if not os.path.lexists(root):
        yield DoctorCheck(check="home", status="pass", text=f"{root} is made by the first daemon")
        return
    for folder in (root, client.home.run, client.home.apps):
        if os.path.lexists(folder) and not is_ours(folder):
            yield DoctorCheck(
                check="home",
                status="fail",
                text=f"{folder} is not a folder that only this user may write to",
                fix=f"chown it to yourself and: chmod go-w {folder}",
            )
            return
    yield DoctorCheck(check="home", status="pass", text=root)
    free = shutil.disk_usage(root).free
    yield DoctorCheck(
        check="disk",
        status="pass" if free >= LEAST_ROOM else "warn",
        text=f"{free // 1024**2} MiB free for state and logs",
        fix="" if free >= LEAST_ROOM else "make room: logging pauses when the disk is full",
    )


def _files() -> DoctorCheck:
    """How many files may be open: each app costs the keeper a few."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = most == resource.RLIM_INFINITY or most >= FEWEST_FILES
    return DoctorCheck(
        check="open files",
        status="pass" if enough else "warn",
        text=f"at most {most}",
        fix="" if enough else f"raise the hard limit (ulimit -Hn) to {FEWEST_FILES} or more",
    )


def _daemon(client: Client) -> Iterator[DoctorCheck]:
    try:
        told = ask(client, ["daemon", "status", "-o", "json"])
    except DoorError as exc:
        silent = exc.code is not ExitCode.UNREACHABLE
        yield DoctorCheck(
            check="daemon",
            status="fail" if silent else "warn",
            text=exc.text.partition(";")[0],
            fix="end it by its pid and start it again" if silent else "viscript daemon --detach",
        )
        return
    yield from _facts(told)


def _facts(told: Answer) -> Iterator[DoctorCheck]:
    facts = told.json()
    if not isinstance(facts, dict) or "pid" not in facts:
        said = told.err.strip()
        yield DoctorCheck(check="daemon", status="fail", text=f"it answers, but with an error: {said}")
        return
    yield DoctorCheck(
        check="daemon", status="pass", text=f"pid {facts['pid']}, version {facts.get('version')}"
    )
    keeper = int(facts.get("keeper_pid") or 0)
    lives = bool(keeper) and _lives(keeper)
    yield DoctorCheck(
        check="keeper",
        status="pass" if lives else "fail",
        text=f"pid {keeper}" if lives else "it does not run",
        fix="" if lives else "viscript daemon stop, then start it again",
    )


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's, but there
    return True
