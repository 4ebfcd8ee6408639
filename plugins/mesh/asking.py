"""Asking the visor of this home, and what is said when there is none."""

from __future__ import annotations

from typing import Any, Final

from viscript.plugin import ExitCode, VerbCall, VerbError

VISOR: Final = "visor"
_COMING: Final = ("waiting", "starting", "running", "backoff", "fatal", "stopping")
PATIENCE_S: Final = 20.0  # longer than the visor itself waits for others


async def ask(call: VerbCall, method: str, **params: object) -> Any:  # Any: what the visor's method answers
    """Call a method of the visor; parameters that are None are left out. Raises `VerbError`."""
    given = {name: value for name, value in params.items() if value is not None}
    try:
        return await call.rpc(VISOR, method, given, timeout_s=PATIENCE_S)
    except VerbError as exc:
        if isinstance(exc.data, dict) and "text" in exc.data:  # the visor's own words
            raise VerbError(exc.code, str(exc.data["text"]), data=exc.data) from exc
        if exc.code in (ExitCode.NOT_FOUND, ExitCode.NOT_HEALTHY):
            raise await _away(call) from exc
        raise


async def _away(call: VerbCall) -> VerbError:
    """That there is no visor that answers, and what keeps one that was started."""
    try:
        report = await call.run("why", VISOR)
    except VerbError:  # there was never one
        report = {}
    if report.get("state") in _COMING:
        text = f"the visor is {report['state']}, so the mesh is not up: {report['text']}"
        return VerbError(ExitCode.NOT_HEALTHY, text, suggestions=(f"why {VISOR}",))
    return VerbError(ExitCode.NOT_HEALTHY, "no visor runs: the mesh is not up", suggestions=(f"s {VISOR}",))
