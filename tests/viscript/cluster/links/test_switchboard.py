import asyncio

from signal_bus.codec import encode
from signal_bus.ids import PublicKey
from signal_bus.peers.link import Link
from signal_bus.peers.messages import PeerHello, PeerRoster, PeerState
from signal_bus.peers.stream import Stream
from tests.support.peering import MemoryPort, hello_of
from tests.support.rosters import host
from viscript.cluster.links import switchboard
from viscript.cluster.links.switchboard import HostLink, News, Switchboard

A, B = sorted((host(1), host(2)), key=lambda one: one.public_key)
KEY = B.public_key


class Told:
    """An owner that remembers."""

    def __init__(self) -> None:
        self.linked_keys: list[PublicKey] = []
        self.unlinked_keys: list[PublicKey] = []
        self.notes: list[object] = []

    def linked(self, key: PublicKey, link: HostLink, hello: PeerHello) -> None:
        self.linked_keys.append(key)

    def unlinked(self, key: PublicKey) -> None:
        self.unlinked_keys.append(key)

    def told(self, link: Link, note: PeerState | PeerRoster) -> None:
        self.notes.append(note)

    def opened(self, link: Link, stream: Stream) -> None:
        self.notes.append(stream)


class Board:
    """A switchboard of host A, to which B connects."""

    def __init__(self, hello: PeerHello | None = None) -> None:
        self.told = Told()
        self.hello = hello or hello_of(A)
        self.board = Switchboard(A.public_key, lambda: self.hello, self.told)

    def connect(self, *, dialled: bool, hello: PeerHello | None = None) -> HostLink:
        link = self.board.arrived(MemoryPort(), KEY, dialled=dialled)
        if hello is not None:
            link.hear(encode(hello))
        return link


async def test_a_connection_counts_once_the_other_has_said_who_it_is() -> None:
    made = Board()
    link = made.connect(dialled=True)
    assert made.board.best(KEY) is None
    link.hear(encode(hello_of(B)))
    assert made.board.best(KEY) is link
    assert made.told.linked_keys == [KEY]
    link.hear(encode(PeerState(time=1.0)))
    assert made.told.notes == [PeerState(time=1.0)]


async def test_who_says_another_name_than_he_proves_is_sent_away() -> None:
    made = Board()
    link = made.connect(dialled=True, hello=hello_of(A))
    assert link.over
    assert made.told.linked_keys == []


async def test_a_host_of_another_cluster_is_sent_away() -> None:
    made = Board()
    assert made.connect(dialled=True, hello=hello_of(B, cluster=bytes([1]) * 32)).over


async def test_a_host_without_a_cluster_says_so() -> None:
    made = Board()
    made.hello = None  # type: ignore[assignment]  # as `Own.hello` does
    assert made.connect(dialled=False).over
    assert list(made.board.all()) == []


async def test_of_two_connections_one_is_used_and_the_other_ends_after_a_moment() -> None:
    made = Board()
    theirs = made.connect(dialled=False, hello=hello_of(B))
    assert made.board.best(KEY) is theirs
    mine = made.connect(dialled=True, hello=hello_of(B))
    assert made.board.used() == [mine]
    now = asyncio.get_running_loop().time()
    made.board.tidy(now)
    made.board.tidy(now + switchboard.SPARE_S)
    made.board.tidy(now + switchboard.SPARE_S + 0.1)
    assert (theirs.over, mine.over) == (True, False)
    assert made.told.unlinked_keys == []


async def test_streams_on_a_connection_that_is_not_used_may_end_first() -> None:
    made = Board()
    theirs = made.connect(dialled=False, hello=hello_of(B))
    theirs.open("door", {})
    made.connect(dialled=True, hello=hello_of(B))
    now = asyncio.get_running_loop().time()
    made.board.tidy(now)
    made.board.tidy(now + switchboard.SPARE_MAX_S)
    assert not theirs.over
    made.board.tidy(now + switchboard.SPARE_MAX_S + 0.1)
    assert theirs.over


async def test_one_host_has_so_many_connections_only() -> None:
    made = Board()
    first = made.connect(dialled=False, hello=hello_of(B))
    links = [made.connect(dialled=False) for _ in range(switchboard.LINKS_MAX)]
    assert [link.over for link in links] == [False] * (switchboard.LINKS_MAX - 1) + [True]
    assert made.board.best(KEY) is first
    links[0].end("gone", "")
    assert not made.connect(dialled=False, hello=hello_of(B)).over


async def test_what_never_says_hello_ends() -> None:
    made = Board()
    link = made.connect(dialled=False)
    made.board.tidy(link.made_at + switchboard.GREET_S)
    assert not link.over
    made.board.tidy(link.made_at + switchboard.GREET_S + 0.1)
    assert link.over


async def test_a_host_that_is_put_out_loses_all_its_connections() -> None:
    made = Board()
    links = [made.connect(dialled=dialled, hello=hello_of(B)) for dialled in (True, False)]
    links.append(made.connect(dialled=False))
    made.board.cut(A.public_key, "revoked", "")
    assert not any(link.over for link in links)
    made.board.cut(KEY, "revoked", "")
    assert all(link.over for link in links)
    assert made.told.unlinked_keys == [KEY]
    assert made.board.used() == []


async def test_all_ends_together() -> None:
    made = Board()
    link = made.connect(dialled=True, hello=hello_of(B))
    made.board.close("left", "")
    assert link.over


async def test_news_wakes_all_who_wait() -> None:
    news = News()
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(news.wait()) for _ in range(3)]
        await asyncio.sleep(0)
        news.tell()
    assert all(task.done() for task in waiting)
