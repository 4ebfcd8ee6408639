"""`viscript` on a terminal: see to it that a daemon runs, then open the prompt."""

from viscript.local import launch
from viscript.local.ask import ask
from viscript.local.client import Client
from viscript.local.door import DoorError


def run(client: Client) -> int:
    """Open the prompt, with a daemon behind it; the exit code."""
    try:
        found, started = launch.ensure(client)
    except launch.LaunchError as exc:
        client.screen.complain(f"viscript: {exc.text}\n")
        return exc.code
    if started:
        client.screen.say(f"started {found.sentence()}\n")
        for fault in found.faults:
            client.screen.complain(f"{fault}\n")
    if _runs_headless(client):
        client.screen.say(
            f"{found.sentence()}; no prompt is opened, since its settings say runHeadless: true\n"
        )
        return 0
    from viscript.repl import app

    return app.run(client)


def _runs_headless(client: Client) -> bool:
    try:
        shown = ask(client, ["config", "show", "-o", "json"]).json()
    except DoorError:
        return False
    settings = shown.get("settings") if isinstance(shown, dict) else None
    return isinstance(settings, dict) and settings.get("runHeadless") is True
