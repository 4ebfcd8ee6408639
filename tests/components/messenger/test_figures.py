from components.messenger.figures import Figures
from tests.support.mesh import ALICE, BOB
from tests.support.messengers import client, messenger


async def test_clients_connections_and_quotas_are_told() -> None:
    async with (
        messenger() as (it, where),
        client(ALICE, [where]) as alice,
        client(BOB, [where]),
    ):
        figures = Figures(it)
        assert await figures.clients() == sorted([ALICE.public_key.hex(), BOB.public_key.hex()])
        with await alice.dial(BOB.public_key):
            (told,) = await figures.channels()
            assert told == {"from": ALICE.public_key.hex(), "to": BOB.public_key.hex(), "bytes": 0}
        assert await figures.quota() == {"limit": 100 * 1024**3, "used": {}}
