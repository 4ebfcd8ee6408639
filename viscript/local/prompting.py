"""The verbs of the prompt itself: leaving it, its terms and their default targets."""

from collections.abc import Callable

from viscript.errors import ExitCode, VerbError
from viscript.local.ask import ask
from viscript.local.client import Client
from viscript.local.door import DoorError
from viscript.local.launch import exit_code
from viscript.repl.session import Session
from viscript.verbs.suggest import nearest
from viscript.verbs.table import Call, Outcome


def answer(client: Client, call: Call) -> Outcome:
    """Do what the verb says to the session. Raises `VerbError` outside a prompt."""
    if call.verb.name == "clear":
        return Outcome(text="\x1b[H\x1b[2J\x1b[3J") if client.screen.out else Outcome()
    session = client.session
    if session is None and call.verb.name == "quit":
        return _stop_daemon(client, stop_all=call.args["stop_all"])
    if session is None:
        raise VerbError(ExitCode.USAGE, f"{call.verb.name} works at the prompt only; open it with: viscript")
    if call.verb.name == "use":
        return _use(client, session, call)
    return _VERBS[call.verb.name](session, call)


def _stop_daemon(client: Client, *, stop_all: bool) -> Outcome:
    """There is no prompt to leave; what else was asked is done."""
    return (
        Outcome(code=exit_code(client.run_argv(["daemon", "stop", "--stop-all"]))) if stop_all else Outcome()
    )


def _quit(session: Session, call: Call) -> Outcome:
    session.quitting = True
    session.stop_all = bool(call.args["stop_all"])
    return Outcome()


def _list(session: Session, call: Call) -> Outcome:
    lines = [
        f"{'*' if term.id == session.focused else ' '} {term.id}  {term.means or '-'}"
        for term in session.terms.values()
    ]
    return Outcome(text="\n".join(lines))


def _new(session: Session, call: Call) -> Outcome:
    term = session.new_term(call.args["target"] or "")
    return Outcome(text=f"term {term.id}")


def _close(session: Session, call: Call) -> Outcome:
    closed = session.close_term(call.args["term"] or "")
    return Outcome(text=f"closed term {closed.id}; term {session.focused} is focused")


def _focus(session: Session, call: Call) -> Outcome:
    session.focused = session.find_term(call.args["term"]).id
    return Outcome()


def _use(client: Client, session: Session, call: Call) -> Outcome:
    """A host, or a target; a host by its slash (`use m2/`), or where one is called so."""
    word = call.args["target"] or ""
    host, _, rest = word.partition("/")
    hosts = _hosts(client, session) if word and not word.isdecimal() and not rest else []
    if word.endswith("/") and host not in hosts:
        raise VerbError(
            ExitCode.NOT_FOUND, f'no host "{host}" is known here', suggestions=nearest(host, hosts)
        )
    if host in hosts:
        session.term.host, session.term.target = host, ""
        return Outcome(text=f"commands that name no host run on {host}; use without one ends that")
    session.term.target = word
    if word:
        return Outcome(text=f"verbs without a target mean {word}; use without one ends that")
    ended, session.term.host = session.term.host, ""
    return Outcome(text="commands run on this host again" if ended else "verbs need their target again")


def _hosts(client: Client, session: Session) -> list[str]:
    """The labels of the hosts this host knows; none without a daemon, or without a cluster."""
    before, session.term.host = session.term.host, ""  # it is this host that is asked
    try:
        rows = ask(client, ["hosts", "-o", "json"]).json()
    except DoorError:
        rows = None
    finally:
        session.term.host = before
    return [str(row.get("label")) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


_VERBS: dict[str, Callable[[Session, Call], Outcome]] = {
    "quit": _quit,
    "list_terms": _list,
    "new_term": _new,
    "close_term": _close,
    "focus": _focus,
}
