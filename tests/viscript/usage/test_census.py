from viscript.supervisor.api import Tree
from viscript.usage.census import Census, owners
from viscript.usage.process import Process

KEEPER = 10


def process(
    pid: int, ppid: int, session: int, *, cpu: float = 0.0, rss: int = 1, started: float = 0.0
) -> Process:
    return Process(pid, ppid, session, started, cpu, rss, 1)


def owned(*processes: Process, leaders: dict[int, int]) -> dict[int, int]:
    return owners({one.pid: one for one in processes}, leaders, {})


def test_descendants_belong_to_the_leader() -> None:
    found = owned(
        process(KEEPER, 1, 1),
        process(100, KEEPER, 100),
        process(101, 100, 100),
        process(102, 101, 102),
        process(300, 1, 300),
        leaders={100: 7},
    )
    assert found == {100: 7, 101: 7, 102: 7}


def test_an_orphan_belongs_to_its_session() -> None:
    found = owned(
        process(100, KEEPER, 100), process(105, KEEPER, 100), process(106, 105, 106), leaders={100: 7}
    )
    assert found == {100: 7, 105: 7, 106: 7}


def test_neighbours_do_not_mix() -> None:
    found = owned(
        process(KEEPER, 1, 1),
        process(100, KEEPER, 100),
        process(200, KEEPER, 200),
        process(201, 200, 200),
        leaders={100: 7, 200: 8},
    )
    assert found == {100: 7, 200: 8, 201: 8}


def test_an_app_below_another_is_its_own() -> None:
    found = owned(
        process(100, 1, 100), process(200, 100, 200), process(201, 200, 200), leaders={100: 7, 200: 8}
    )
    assert found == {100: 7, 200: 8, 201: 8}


def test_a_ring_of_parents_ends() -> None:
    assert owned(process(5, 6, 5), process(6, 5, 5), leaders={}) == {}


def test_a_stray_stays_with_the_app_it_was_seen_in() -> None:
    census = Census(lambda process: 1.0)
    leader = process(100, KEEPER, 100)
    census.count([leader, process(101, 100, 100), process(102, 101, 102)], {100: 7}, now=1.0)
    census.count([leader, process(102, KEEPER, 102)], {100: 7}, now=2.0)
    assert census.owners == {100: 7, 102: 7}


def test_a_pid_used_again_is_no_stray() -> None:
    census = Census(lambda process: 1.0)
    leader = process(100, KEEPER, 100)
    census.count([leader, process(101, 100, 100)], {100: 7}, now=1.0)
    census.count([leader, process(101, 1, 101, started=5.0)], {100: 7}, now=2.0)
    assert census.owners == {100: 7}


def test_a_stray_of_an_app_that_ended_is_nobodys() -> None:
    census = Census(lambda process: 1.0)
    census.count([process(100, KEEPER, 100), process(101, 100, 101)], {100: 7}, now=1.0)
    census.count([process(101, KEEPER, 101)], {}, now=2.0)
    assert census.owners == {}
    assert census.trees == {}


def test_sums_cover_the_tree() -> None:
    census = Census(lambda process: 10.0)
    census.count([process(100, 1, 100, rss=10), process(101, 100, 100, rss=5)], {100: 7}, now=10.0)
    trees = census.count(
        [process(100, 1, 100, cpu=1.0, rss=20), process(101, 100, 100, cpu=0.5, rss=5)], {100: 7}, now=12.0
    )
    assert trees == {7: Tree(cpu_percent=75.0, rss_bytes=25, processes=2)}
