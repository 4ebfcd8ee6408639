"""`viscript --complete LINE [CURSOR]`: what completion scripts call. Quiet without a daemon."""

from viscript.local.client import Client
from viscript.local.door import Door, DoorError


def run(client: Client, words: list[str]) -> int:
    """Print one candidate a line, a tab between it and what it means; always 0."""
    text = words[0] if words else ""
    cursor = int(words[1]) if len(words) > 1 and words[1].isdecimal() else len(text)
    try:
        door = Door(client.home.verbs_socket)
        door.ask({"v": 1, "complete": {"text": text, "cursor": cursor}})
        items = next((line["items"] for line in door.lines() if "items" in line), [])
        door.close()
    except DoorError:
        return 0
    for item in items if isinstance(items, list) else []:
        client.screen.say(f"{item.get('text', '')}\t{item.get('meta') or ''}\n")
    return 0
