"""`init [FILE]`: a commented config.yaml to begin with."""

from pathlib import Path

from viscript.errors import ExitCode, VerbError
from viscript.local.client import Client
from viscript.verbs.table import Call, Outcome


def answer(client: Client, call: Call) -> Outcome:
    """Write the file; one that exists is never touched."""
    from viscript.config.template import template

    path = Path(call.cwd, call.args["file"])
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(template())
    except FileExistsError:
        raise VerbError(ExitCode.FAILED, f"{call.args['file']} exists; nothing was written") from None
    except OSError as exc:
        raise VerbError(ExitCode.FAILED, f"{call.args['file']} cannot be written: {exc.strerror}") from exc
    return Outcome(text=f"wrote {call.args['file']}; next: viscript config check {call.args['file']}")
