from pathlib import Path

from components.mesh.mail_wire import Posted
from components.mesh.writer import Writer
from components.messenger import depot
from components.messenger.figures import Figures
from components.messenger.letters import Post
from tests.support.mesh import ALICE, BOB
from tests.support.messengers import client, messenger


async def test_clients_connections_quotas_and_letters_are_told(tmp_path: Path) -> None:
    async with (
        Writer(tmp_path / "letters", depot.SCHEMA) as writer,
        messenger() as (it, where),
        client(ALICE, [where]) as alice,
        client(BOB, [where]),
    ):
        figures = Figures(it, Post(writer))
        assert await figures.clients() == sorted([ALICE.public_key.hex(), BOB.public_key.hex()])
        with await alice.dial(BOB.public_key):
            (told,) = await figures.channels()
            assert told == {"from": ALICE.public_key.hex(), "to": BOB.public_key.hex(), "bytes": 0}
        assert await figures.quota() == {"limit": 100 * 1024**3, "used": {}}
        letters = [Posted(BOB.public_key, bytes(16), b"sealed")]
        await writer.run(lambda db: depot.store(db, ALICE.public_key, letters, depot.Shares(), 0))
        assert await figures.stored() == [{"to": BOB.public_key.hex(), "letters": 1, "bytes": 6}]
