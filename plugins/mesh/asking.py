"""Asking the visor of this home, and what is said when there is none."""

from __future__ import annotations

from typing import Any, Final

from viscript.plugin import ExitCode, VerbCall, VerbError

VISOR: Final = "visor"
PATIENCE_S: Final = 20.0  # longer than the visor itself waits for others


async def ask(call: VerbCall, method: str, **params: object) -> Any:  # Any: what the visor's method answers
    """Call a method of the visor; parameters that are None are left out. Raises `VerbError`."""
    given = {name: value for name, value in params.items() if value is not None}
    try:
        return await call.rpc(VISOR, method, given, timeout_s=PATIENCE_S)
    except VerbError as exc:
        raise _plain(exc) from exc


def _plain(exc: VerbError) -> VerbError:
    """The visor's own error in its own words; a visor that is not there in ours."""
    if isinstance(exc.data, dict) and "text" in exc.data:
        return VerbError(exc.code, str(exc.data["text"]), data=exc.data)
    if exc.code in (ExitCode.NOT_FOUND, ExitCode.NOT_HEALTHY):
        return VerbError(ExitCode.NOT_HEALTHY, "no visor runs: the mesh is not up", suggestions=("s visor",))
    return exc
