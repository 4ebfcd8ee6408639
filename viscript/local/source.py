"""`source FILE`: the commands of a file, as if they had been typed."""

from pathlib import Path

from viscript.errors import ExitCode, VerbError
from viscript.local import several
from viscript.local.client import Client
from viscript.local.launch import exit_code
from viscript.verbs.table import Call, Outcome

DEEPEST = 16


def answer(client: Client, call: Call) -> Outcome:
    """Run them; stops at the first that fails unless told to keep going."""
    if client.depth >= DEEPEST:
        raise VerbError(ExitCode.USAGE, f"{DEEPEST} files source one another; one of them sources itself")
    path = Path(call.cwd, call.args["file"])
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        reason = getattr(exc, "strerror", None) or "not UTF-8"
        raise VerbError(ExitCode.FAILED, f"{call.args['file']} cannot be read: {reason}") from exc
    client.depth += 1
    try:
        return Outcome(code=exit_code(several.run_text(client, text, keep_going=call.args["keep_going"])))
    finally:
        client.depth -= 1
