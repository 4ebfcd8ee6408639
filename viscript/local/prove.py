"""`prove`: runs the trials and shows each verdict as it falls."""

from viscript.errors import ExitCode
from viscript.local.client import Client
from viscript.local.gently import ended_gently
from viscript.verbs.results import TrialRow
from viscript.verbs.table import Call, Outcome


async def answer(client: Client, call: Call) -> Outcome:
    """All trials, or those that were named; exit 1 when one of them failed."""
    from viscript.prove.catalogue import BY_NAME, TRIALS
    from viscript.prove.runner import try_one
    from viscript.prove.verdict import FULL, QUICK

    chosen = [BY_NAME[name] for name in call.args["trials"]] or TRIALS
    pace = QUICK if call.args["quick"] else FULL
    rows: list[TrialRow] = []
    with ended_gently():
        for trial in chosen:
            _announce(client, call, trial.name)
            row = try_one(trial, pace, client.environ)
            rows.append(row)
            _announce(client, call, "")
            if call.format != "json":
                await call.writer.row(row)
    return _outcome(call, rows)


def _outcome(call: Call, rows: list[TrialRow]) -> Outcome:
    """The end: one document in JSON, else a sum for people; the rows have been shown."""
    failed = [row.trial for row in rows if row.status == "fail"]
    code = ExitCode.FAILED if failed else ExitCode.DONE
    if call.format == "json":
        return Outcome(data=rows, code=code)
    if call.format not in ("table", "wide"):
        return Outcome(code=code)
    passed = sum(row.status == "pass" for row in rows)
    sums = [f"{passed} passed", f"{len(failed)} failed", f"{len(rows) - passed - len(failed)} not tried"]
    return Outcome(text=", ".join(sums), code=code)


def _announce(client: Client, call: Call, name: str) -> None:
    """Which trial runs, on a terminal only; its verdict takes the line's place."""
    if client.screen.err and call.format in ("table", "wide"):
        client.screen.complain(f"\r{name} ...\x1b[K" if name else "\r\x1b[K")
