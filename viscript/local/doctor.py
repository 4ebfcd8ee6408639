"""`doctor`: what is wrong with this machine, this home and its daemon, with what to do about it."""

import os
from collections.abc import Iterator

import msgspec

from viscript import __version__
from viscript.diagnose.doctor import Finding, examine, versions
from viscript.errors import ExitCode
from viscript.local.ask import Answer, ask
from viscript.local.client import Client
from viscript.local.door import DoorError
from viscript.pluginhost.spec import DoctorCheck
from viscript.verbs.table import Call, Outcome


def answer(client: Client, call: Call) -> Outcome:
    """All checks; exit 1 when one of them failed."""
    found = [*map(_row, examine(client.home)), *_daemon(client)]
    if any(check.check == "keeper" for check in found):  # the daemon answers
        found += _plugins(client)
    failed = any(check.status == "fail" for check in found)
    return Outcome(data=found, code=ExitCode.FAILED if failed else ExitCode.DONE)


def _row(finding: Finding) -> DoctorCheck:
    return DoctorCheck(check=finding.check, status=finding.status, text=finding.text, fix=finding.fix)


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
    yield from _store(client)


def _store(client: Client) -> Iterator[DoctorCheck]:
    """The state store as the daemon finds it, and each of its members."""
    try:
        facts = ask(client, ["store", "status", "-o", "json"]).json()
    except DoorError as exc:
        yield DoctorCheck(check="state store", status="warn", text=exc.text.partition(";")[0])
        return
    if not isinstance(facts, dict) or "members" not in facts:
        return  # a daemon of an earlier version, or one that shares nothing
    fix = (
        ""
        if facts["ok"]
        else "apps run on without it; see `viscript store status` and `store:` in config.yaml"
    )
    yield DoctorCheck(
        check="state store",
        status="pass" if facts["ok"] else "fail",
        text=f"{facts['store']}: {facts['text']}",
        fix=fix,
    )
    for member in facts["members"] if len(facts["members"]) > 1 else ():
        yield DoctorCheck(
            check=f"store {member['member']}",
            status="pass" if member["ok"] else "warn",
            text=member["text"],
            fix="" if member["ok"] else "start that member, or take it out of `store:`",
        )


def _facts(told: Answer) -> Iterator[DoctorCheck]:
    facts = told.json()
    if not isinstance(facts, dict) or "pid" not in facts:
        said = told.err.strip()
        yield DoctorCheck(check="daemon", status="fail", text=f"it answers, but with an error: {said}")
        return
    yield DoctorCheck(
        check="daemon", status="pass", text=f"pid {facts['pid']}, version {facts.get('version')}"
    )
    if isinstance(facts.get("version"), str):
        yield _row(versions(__version__, facts["version"], facts["version"]))
    keeper = int(facts.get("keeper_pid") or 0)
    lives = bool(keeper) and _lives(keeper)
    yield DoctorCheck(
        check="keeper",
        status="pass" if lives else "fail",
        text=f"pid {keeper}" if lives else "it does not run",
        fix="" if lives else "viscript daemon stop, then start it again",
    )


def _plugins(client: Client) -> Iterator[DoctorCheck]:
    """What the daemon says of its plugins; one of an older version knows no such verb."""
    try:
        told = ask(client, ["plugins", "doctor", "-o", "json"]).json()
    except DoorError as exc:
        yield DoctorCheck(check="plugins", status="fail", text=exc.text)
        return
    for row in told if isinstance(told, list) else ():
        yield msgspec.convert(row, DoctorCheck)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's, but there
    return True
