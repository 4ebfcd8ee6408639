"""`doctor`: what is wrong with this machine, this home and its daemon, with what to do about it."""

import os
from collections.abc import Iterator

import msgspec

from viscript.errors import ExitCode
from viscript.local.ask import Answer, ask
from viscript.local.client import Client
from viscript.local.door import DoorError
from viscript.verbs.table import Call, Outcome

_WORDS = {"pass": "pass", "warn": "WARN", "fail": "FAIL"}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One check and what came of it."""

    check: str
    status: str
    text: str
    fix: str = ""


def answer(client: Client, call: Call) -> Outcome:
    """All checks; exit 1 when one of them failed."""
    findings = [*_machine(client), *_daemon(client)]
    failed = any(finding.status == "fail" for finding in findings)
    return Outcome(
        data=findings,
        text="\n".join(map(_line, findings)),
        code=ExitCode.FAILED if failed else ExitCode.DONE,
    )


def _line(finding: Finding) -> str:
    fix = f"; {finding.fix}" if finding.fix else ""
    return f"{_WORDS[finding.status]}  {finding.check}: {finding.text}{fix}"


def _machine(client: Client) -> Iterator[Finding]:
    """The checks that need no daemon."""
    return iter(())


def _daemon(client: Client) -> Iterator[Finding]:
    try:
        told = ask(client, ["daemon", "status", "-o", "json"])
    except DoorError as exc:
        silent = exc.code is not ExitCode.UNREACHABLE
        yield Finding(
            check="daemon",
            status="fail" if silent else "warn",
            text=exc.text,
            fix="end it by its pid and start it again" if silent else "",
        )
        return
    yield from _facts(told)


def _facts(told: Answer) -> Iterator[Finding]:
    facts = told.json()
    if not isinstance(facts, dict) or "pid" not in facts:
        yield Finding(
            check="daemon", status="fail", text=f"it answers, but with an error: {told.err.strip()}"
        )
        return
    yield Finding(check="daemon", status="pass", text=f"pid {facts['pid']}, version {facts.get('version')}")
    keeper = int(facts.get("keeper_pid") or 0)
    if keeper and _lives(keeper):
        yield Finding(check="keeper", status="pass", text=f"pid {keeper}")
    else:
        yield Finding(
            check="keeper",
            status="fail",
            text="it does not run",
            fix="viscript daemon stop, then start it again",
        )


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's, but there
    return True
