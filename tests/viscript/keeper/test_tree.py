"""Which processes belong to which app."""

from hypothesis import given
from hypothesis import strategies as st

from viscript.keeper.host import Process
from viscript.keeper.tree import members, oldest

KEEPER = 100


def process(
    pid: int, ppid: int, sid: int = 1, *, tag: int | None = None, state: str = "S", start: int = 1
) -> Process:
    return Process(pid, ppid, sid, sid, state, start, tag)


def pids(processes: list[Process], sessions: dict[int, int] | None = None) -> dict[int, list[int]]:
    found = members(processes, sessions or {}, KEEPER)
    return {seq: [member.pid for member in each] for seq, each in found.items()}


def test_a_tag_says_whose_a_process_is_wherever_it_is() -> None:
    assert pids([process(5, 1, tag=7), process(6, 100, tag=8)]) == {7: [5], 8: [6]}


def test_a_session_says_it_where_no_tag_does() -> None:
    assert pids([process(5, 1, sid=200)], {200: 7}) == {7: [5]}


def test_descendants_follow_their_parent_through_sessions() -> None:
    table = [process(200, 100, 200), process(201, 200, 201), process(202, 201, 202)]
    assert pids(table, {200: 7}) == {7: [200, 201, 202]}


def test_a_tag_wins_over_a_session_and_a_parent() -> None:
    table = [process(200, 100, 200, tag=7), process(201, 200, 200, tag=8)]
    assert pids(table, {200: 7}) == {7: [200], 8: [201]}


def test_a_zombie_is_no_member_but_leads_to_its_children() -> None:
    table = [process(200, 100, 200, state="Z"), process(201, 200, 201)]
    assert pids(table, {200: 7}) == {7: [201]}


def test_the_keeper_its_other_children_and_init_belong_to_nobody() -> None:
    assert pids([process(KEEPER, 1), process(300, KEEPER), process(1, 0, 1)], {200: 7}) == {}


def test_the_keeper_belongs_to_nobody_even_when_it_carries_a_tag() -> None:
    assert pids([process(KEEPER, 1, tag=7), process(300, KEEPER)]) == {}


RANDOM = st.lists(
    st.builds(
        Process,
        pid=st.integers(0, 12),
        ppid=st.integers(0, 12),
        pgid=st.just(1),
        sid=st.integers(0, 12),
        state=st.sampled_from("SZT"),
        start=st.integers(0, 3),
        tag=st.none() | st.integers(1, 3),
    )
)


@given(RANDOM, st.dictionaries(st.integers(0, 12), st.integers(1, 3)))
def test_any_table_even_one_with_circles_is_sorted(table: list[Process], sessions: dict[int, int]) -> None:
    found = members(table, sessions, 12)
    every = [member for each in found.values() for member in each]
    assert len({member.pid for member in every}) == len(every)
    assert all(member.pid not in (0, 1, 12) and member.state != "Z" for member in every)


def test_the_oldest_began_first() -> None:
    assert oldest([process(9, 1, start=5), process(8, 1, start=3), process(7, 1, start=5)]) == process(
        8, 1, start=3
    )
    assert oldest([]) is None
