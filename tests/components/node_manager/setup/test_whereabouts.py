import socket
from collections.abc import Sequence

import pytest

from components.mesh import keys
from components.mesh.entry import VERSION, Client, NodeEntry, Server
from components.mesh.errors import Unreachable, WireError
from components.mesh.roster import Messenger
from components.node_manager.setup import whereabouts as module
from components.node_manager.setup.whereabouts import Whereabouts, nobody
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from tests.support.mesh import ALICE, BOB, CAROL


def entry(of: Identity, **fields: object) -> NodeEntry:
    return NodeEntry(
        version=VERSION,
        sequence=0,
        timestamp=0,
        static=keys.hex66(of.public_key),
        **fields,  # type: ignore[arg-type]  # the caller knows the fields
    )


class Entries:
    """A directory; `asked` are the look-ups."""

    def __init__(self, *entries: NodeEntry) -> None:
        self.known = {keys.parse(each.static): each for each in entries}
        self.asked: list[PublicKey] = []
        self.now = 0.0
        self.via: list[Sequence[Messenger]] = []

    async def __call__(self, key: PublicKey) -> NodeEntry:
        self.asked.append(key)
        if key not in self.known:
            raise Unreachable(key.hex(), "unknown")
        return self.known[key]

    async def relay(self, key: PublicKey, via: Sequence[Messenger]) -> socket.socket:
        self.via.append(via)
        return socket.socket()

    def whereabouts(self) -> Whereabouts:
        return Whereabouts(self, lambda: self.now, relay=self.relay)


async def test_addresses_are_those_of_the_entry_and_nonsense_is_left_out() -> None:
    entries = Entries(entry(BOB, addresses=("10.0.0.1:1", "nowhere", "[::1]:2")))
    assert await entries.whereabouts().addresses(BOB.public_key) == (("10.0.0.1", 1), ("::1", 2))


async def test_a_fixed_address_needs_no_directory() -> None:
    where = Whereabouts(nobody, lambda: 0.0, fixed={BOB.public_key: ("10.0.0.9", 9)})
    assert await where.addresses(BOB.public_key) == (("10.0.0.9", 9),)
    with pytest.raises(Unreachable, match="no directory is configured"):
        await where.addresses(CAROL.public_key)
    with pytest.raises(Unreachable, match="no messenger is used"):
        await where.relayed(BOB.public_key)


async def test_an_entry_is_asked_for_again_after_a_while() -> None:
    entries = Entries(entry(BOB, addresses=("10.0.0.1:1",)))
    where = entries.whereabouts()
    for now in (0.0, module.KEPT_S - 0.1, module.KEPT_S):
        entries.now = now
        await where.addresses(BOB.public_key)
    assert len(entries.asked) == 2


async def test_entries_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    entries = Entries(entry(BOB), entry(CAROL))
    where = entries.whereabouts()
    for each in (BOB, CAROL, BOB):
        await where.addresses(each.public_key)
    assert len(entries.asked) == 3


async def test_a_node_behind_nat_is_reached_by_its_messengers() -> None:
    servers = keys.hex66(CAROL.public_key), keys.hex66(ALICE.public_key)
    at_messenger = entry(CAROL, server=Server("10.0.0.3:8081"))
    entries = Entries(entry(BOB, client=Client(servers)), at_messenger)
    (await entries.whereabouts().relayed(BOB.public_key)).close()
    assert entries.via == [[Messenger(CAROL.public_key, ("10.0.0.3", 8081))]]


@pytest.mark.parametrize("server", [None, Server("nonsense")])
async def test_a_node_that_no_messenger_knows_is_nowhere(server: Server | None) -> None:
    client = Client((keys.hex66(CAROL.public_key),))
    entries = Entries(entry(BOB, client=client), entry(CAROL, server=server))
    with pytest.raises(Unreachable, match="known to no messenger"):
        await entries.whereabouts().relayed(BOB.public_key)
    with pytest.raises(Unreachable, match="known to no messenger"):
        await entries.whereabouts().relayed(CAROL.public_key)


async def test_an_entry_of_another_node_is_refused() -> None:
    entries = Entries()
    entries.known[BOB.public_key] = entry(CAROL)
    with pytest.raises(WireError, match="with the entry of"):
        await entries.whereabouts().addresses(BOB.public_key)
