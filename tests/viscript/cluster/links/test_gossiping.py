import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from signal_bus.codec import decode
from signal_bus.kinds import PEER_KINDS
from signal_bus.peers.messages import PeerRoster
from signal_bus.testing import until
from tests.support.hosts import LinkedHost
from tests.support.peering import MemoryPort, hello_of
from tests.support.rosters import card_of, host, vouched
from viscript.cluster.links import gossip, gossiping
from viscript.cluster.links.gossiping import Gossiping
from viscript.cluster.links.switchboard import HostLink
from viscript.cluster.model import sign_card

CLUSTER, A, B, C = (host(number) for number in range(4))


class Scene:
    """Host A, which gossips, and a link to B, whose messages are looked at."""

    def __init__(self, owner: LinkedHost) -> None:
        self.owner = owner
        self.gossip: Gossiping = owner.links._gossip
        self.links: dict[bytes, MemoryPort] = {}

    def link(self, key: bytes = B.public_key) -> HostLink:
        port = MemoryPort()
        board = self.owner.links._board
        link = board.arrived(port, key, dialled=True)  # type: ignore[arg-type]  # any key
        hello = hello_of(B, cluster=CLUSTER.public_key)
        board._links.setdefault(link.key, []).append(link)
        link.hello = hello
        self.links[key] = port
        return link

    def said(self, link: HostLink) -> list[PeerRoster]:
        bodies = [decode(data, PEER_KINDS).body for data in self.links[link.key].sent]
        return [body for body in bodies if isinstance(body, PeerRoster)]


@pytest.fixture
async def scene(short_tmp: Path) -> AsyncIterator[Scene]:
    owner = LinkedHost(A, "a", short_tmp)
    await owner.open()
    await owner.join(CLUSTER, vouched(A, CLUSTER, label="a"))
    made = Scene(owner)
    made.gossip.changed()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(made.gossip.run())
        yield made
        task.cancel()
    owner.memory.close()


async def test_records_that_come_are_taken_and_passed_on_to_others_only(scene: Scene) -> None:
    link, other = scene.link(), scene.link(C.public_key)
    scene.owner.book.listen(lambda book: scene.gossip.changed())
    news = vouched(B, CLUSTER, label="b")
    scene.gossip.take(link, PeerRoster(members=(news.record,)))
    await until(lambda: scene.said(other))
    assert scene.owner.book.roster is not None
    assert B.public_key in scene.owner.book.roster.present
    assert scene.said(other) == [PeerRoster(members=(news.record,))]
    assert scene.said(link) == []
    scene.gossip.changed()
    await asyncio.sleep(0.02)
    assert len(scene.said(other)) == 1


async def test_a_question_is_answered_with_what_is_lacking(scene: Scene) -> None:
    link = scene.link()
    scene.gossip.take(link, PeerRoster(have=b""))
    await until(lambda: scene.said(link))
    assert len(scene.said(link)[0].members) == 1


async def test_a_host_that_asks_over_and_over_is_answered_once_in_a_while(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gossiping, "ANSWER_AGAIN_S", 3600.0)
    link, again, other = scene.link(), scene.link(), scene.link(C.public_key)
    for each in (again, link, again):
        scene.gossip.take(each, PeerRoster(have=b""))
    scene.gossip.take(other, PeerRoster(have=b""))
    await until(lambda: scene.said(other))
    assert len(scene.said(again)) == 1, "one answer, whatever connection it asks by"
    monkeypatch.setattr(gossiping, "ANSWER_AGAIN_S", 0.0)
    scene.gossip.take(again, PeerRoster(have=b""))
    await until(lambda: len(scene.said(again)) == 2)


async def test_of_hosts_that_came_and_went_no_more_is_remembered_than_there_may_be(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gossiping, "KNOWN_MAX", 1)
    for key in (B.public_key, C.public_key):
        assert scene.gossip._may_answer(key)
    assert list(scene.gossip._answered) == [C.public_key]


async def test_other_records_are_asked_for_and_not_again_at_once(scene: Scene) -> None:
    link = scene.link()
    roster = scene.owner.book.roster
    assert roster is not None
    scene.gossip.compare(link, roster.digest, 1.0)
    scene.gossip.compare(link, b"", 1.0)
    for now in (1.0, 2.0, 1.0 + gossiping.ASK_AGAIN_S):
        scene.gossip.compare(link, bytes(32), now)
    await until(lambda: len(scene.said(link)) == 2)
    assert scene.said(link)[0] == gossip.question(roster)


async def test_what_comes_close_together_is_taken_together(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gossiping, "SETTLE_S", 30.0)
    links = [scene.link(), scene.link(C.public_key)]
    book, taken = scene.owner.book, 0

    def count(_book: object) -> None:
        nonlocal taken
        taken += 1

    book.listen(count)
    scene.gossip.take(links[0], PeerRoster(members=(vouched(B, CLUSTER, label="b").record,)))
    await until(lambda: taken == 1)
    for version in range(2, 2 + gossiping.PAGES_MAX // 2):
        record = vouched(B, CLUSTER, label="b", version=version).record
        scene.gossip.take(links[version % 2], PeerRoster(members=(record,)))
    await until(lambda: taken == 2)
    assert book.roster is not None
    assert book.roster.present[B.public_key].version == 1 + gossiping.PAGES_MAX // 2


async def test_a_taking_that_took_long_is_followed_by_a_rest_in_proportion(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gossiping, "RESTS", 1e9)
    monkeypatch.setattr(gossiping, "REST_MAX_S", 0.3)
    loop, book, taken = asyncio.get_running_loop(), scene.owner.book, list[float]()
    book.listen(lambda _book: taken.append(loop.time()))
    link = scene.link()
    scene.gossip.take(link, PeerRoster(members=(vouched(B, CLUSTER, label="b").record,)))
    await until(lambda: scene.gossip._took_s > 0)
    for version in range(2, 2 + gossiping.PAGES_MAX // 2):  # so many that they would be read at once
        record = vouched(B, CLUSTER, label="b", version=version).record
        scene.gossip.take(link, PeerRoster(members=(record,)))
    await until(lambda: len(taken) == 2)
    assert taken[1] - taken[0] >= 0.3


async def test_a_few_are_asked_also_while_all_hold_other_records(scene: Scene) -> None:
    links = [scene.link(host(number).public_key) for number in range(10, 40)]
    for number, link in enumerate(links):
        scene.gossip.compare(link, bytes([number]) * 32, 1.0)
    await asyncio.sleep(0)
    await until(lambda: all(not link._notes for link in links))
    assert sum(len(scene.said(link)) for link in links) == gossiping.ASKS_BURST
    scene.gossip.compare(links[-1], bytes(32), 2.0)
    await until(lambda: scene.said(links[-1]))


async def test_a_forged_record_takes_nothing_from_what_others_tell(scene: Scene) -> None:
    good, bad = scene.link(), scene.link(C.public_key)
    forged = vouched(B, CLUSTER).record[:-1] + b"\x00"
    scene.gossip.take(bad, PeerRoster(members=(vouched(C, CLUSTER).record, forged)))
    scene.gossip.take(good, PeerRoster(members=(vouched(B, CLUSTER).record,)))
    await bad.finished.wait()
    book = scene.owner.book
    await until(lambda: book.roster is not None and B.public_key in book.roster.present)
    assert book.roster is not None
    assert C.public_key not in book.roster.present
    assert not good.over


async def test_a_forged_record_ends_the_link_that_brought_it(scene: Scene) -> None:
    link = scene.link()
    forged = vouched(B, CLUSTER).record[:-1] + b"\x00"
    scene.gossip.take(link, PeerRoster(members=(forged,)))
    await link.finished.wait()
    scene.gossip.take(link, PeerRoster(members=(vouched(B, CLUSTER).record,)))
    last = scene.link(C.public_key)
    scene.gossip.take(last, PeerRoster(have=b""))
    await until(lambda: scene.said(last))
    assert scene.owner.book.roster is not None
    assert set(scene.owner.book.roster.present) == {A.public_key}


async def test_what_counts_for_nothing_is_not_kept(scene: Scene) -> None:
    link = scene.link()
    page = PeerRoster(
        members=(vouched(C, CLUSTER, by=B).record, vouched(C, B).record),
        cards=tuple(sign_card(card_of(one), one).record for one in (B, C)),
    )
    scene.gossip.take(link, page)
    scene.gossip.take(link, PeerRoster(have=b""))
    await until(lambda: scene.said(link))
    assert scene.owner.book.roster is not None
    assert len(list(scene.owner.book.roster.records())) == 1


async def test_a_flood_of_pages_is_bounded(scene: Scene) -> None:
    link = scene.link()
    for _ in range(3 * gossiping.PAGES_MAX):
        scene.gossip.take(link, PeerRoster(have=b""))
    assert scene.gossip._pages.qsize() == gossiping.PAGES_MAX


async def test_a_host_that_left_its_cluster_takes_and_says_nothing(scene: Scene) -> None:
    link = scene.link()
    await scene.owner.book.leave()
    scene.gossip.changed()
    scene.gossip.compare(link, bytes(32), 1.0)
    scene.gossip.take(link, PeerRoster(have=b"", members=(vouched(B, CLUSTER).record,)))
    await until(lambda: scene.gossip._pages.empty())
    await asyncio.sleep(0.02)
    assert scene.said(link) == []
