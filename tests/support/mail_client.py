"""A client of letters to be killed: `mail_client.py send|receive SEED FILE KEY HOST:PORT RECEIVER COUNT`.

Goes on where the one before it was killed: the sender counts what is in its store. Nothing is read.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from components.mesh.errors import MeshError
from components.mesh.mailbox import Mailbox, Pace
from components.mesh.relay import Pace as RelayPace
from components.mesh.relay import Relay
from components.mesh.roster import Messenger
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey


async def main(words: Sequence[str]) -> None:
    role, seed, path, key, address, receiver, count = words
    host, port = address.split(":")
    where = Messenger(PublicKey(bytes.fromhex(key)), (host, int(port)))
    identity = Identity(bytes.fromhex(seed))

    async def find(_: PublicKey) -> Sequence[Messenger]:
        return [where]

    pace = Pace(linger_s=0.5, again_s=0.02, longest_s=0.5)
    async with Mailbox(identity, Path(path), find, pace=pace) as mailbox, asyncio.TaskGroup() as tasks:
        relay = Relay(
            identity,
            messengers=[where],
            methods=mailbox.methods,
            pace=RelayPace(ping_s=0.1, answer_s=0.5),
        )
        tasks.create_task(relay.run())
        tasks.create_task(mailbox.run())
        if role == "send":
            counting = "SELECT count(*) FROM outbox"
            done = await mailbox._writer.run(lambda db: db.execute(counting).fetchone()[0])
            for number in range(done, int(count)):
                await mailbox.send(PublicKey(bytes.fromhex(receiver)), b"%d" % number)


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1:]))
    except* MeshError as group:
        sys.exit(str(group))
