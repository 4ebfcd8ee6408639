import pytest

from components.mesh import keys, whereabouts
from components.mesh.entry import VERSION, Client, NodeEntry, Server
from components.mesh.errors import BadKey, MeshError, Unreachable
from components.mesh.roster import Messenger
from components.mesh.whereabouts import FRESH_S, Whereabouts, messenger
from signal_bus.ids import PublicKey
from tests.support.mesh import ALICE, BOB, CAROL

A, B, C = ALICE.public_key, BOB.public_key, CAROL.public_key


def entry(key: PublicKey, *, address: str = "", at: tuple[PublicKey, ...] = ()) -> NodeEntry:
    return NodeEntry(
        version=VERSION,
        sequence=0,
        timestamp=0,
        static=keys.hex66(key),
        server=Server(address=address) if address else None,
        client=Client(delegated_servers=tuple(keys.hex66(one) for one in at)) if at else None,
    )


class Book:
    """Entries by key; counts the questions."""

    def __init__(self, *entries: NodeEntry) -> None:
        self.entries = {keys.parse(each.static): each for each in entries}
        self.asked = 0

    async def node(self, key: PublicKey) -> NodeEntry:
        self.asked += 1
        if key not in self.entries:
            raise Unreachable(key.hex(), "not known")
        return self.entries[key]


async def test_messengers_are_found_by_the_entry_and_used_for_a_while() -> None:
    book, now = Book(entry(A, at=(B, C)), entry(C, address="[::1]:7")), [0.0]
    found = Whereabouts(book, lambda: now[0])
    where = (Messenger(C, ("::1", 7)),)
    assert await found.find(A) == where
    assert (await found.find(A), book.asked) == (where, 3)
    now[0] = FRESH_S
    assert (await found.find(A), book.asked) == (where, 6)
    book.entries.clear()
    now[0] = 3 * FRESH_S
    assert await found.find(A) == where


async def test_who_is_nowhere_is_told() -> None:
    found = Whereabouts(Book(entry(A, address="h:1"), entry(B, at=(A,))))
    with pytest.raises(Unreachable, match="present at no messenger"):
        await found.find(A)
    with pytest.raises(MeshError, match="not known"):
        await found.find(C)


async def test_no_more_than_a_bound_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whereabouts, "MAX_KNOWN", 1)
    book = Book(entry(A, at=(C,)), entry(B, at=(C,)), entry(C, address="h:1"))
    found = Whereabouts(book)
    for key in (A, B, A):
        await found.find(key)
    assert book.asked == 6


@pytest.mark.parametrize("address", ["nowhere", ":1:", "h:x", "h:70000"])
def test_a_messenger_has_an_address(address: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        messenger(entry(A, address=address))
    with pytest.raises(BadKey, match="is no messenger"):
        messenger(entry(A))
