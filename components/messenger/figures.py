"""What a messenger tells over the bus: its clients, its relayed connections, what each key had today."""

from typing import Any

from components.messenger.letters import Post
from components.messenger.server import Messenger


class Figures:
    """The methods of a messenger on the bus. Keys are written with 64 digits."""

    def __init__(self, messenger: Messenger, post: Post) -> None:
        self.messenger = messenger
        self._post = post

    async def clients(self) -> list[str]:
        """The keys that are here."""
        return sorted(key.hex() for key in self.messenger.presences.here())

    async def channels(self) -> list[dict[str, Any]]:  # Any: text and numbers
        """The relayed connections: who asked for each, who answers, the bytes so far."""
        return [
            {"from": one.caller.hex(), "to": one.callee.hex(), "bytes": one.pipe.bytes}
            for one in self.messenger.channels.open
        ]

    async def quota(self) -> dict[str, Any]:  # Any: text and numbers
        """The bytes a key may have relayed a day (0: no limit), and those each had today."""
        channels = self.messenger.channels
        used = channels.quota.used(channels.day())
        return {"limit": channels.quota.limit, "used": {key.hex(): count for key, count in used.items()}}

    async def stored(self) -> list[dict[str, Any]]:  # Any: text and numbers
        """The letters that are kept: how many and how many bytes for each receiver."""
        totals = await self._post.totals()
        return [
            {"to": key.hex(), "letters": letters, "bytes": size} for key, (letters, size) in totals.items()
        ]
