from hypothesis import given
from hypothesis import strategies as st

from signal_bus.ids import PublicKey
from signal_bus.peers.messages import PeerState
from tests.support.rosters import host, member_of
from viscript.cluster.fleet import DOWN_S, SUSPECT_S, Change, Fleet, Seen
from viscript.cluster.links.api import Reach

CLUSTER, A, B = host(0), host(1), host(2)
KEY = A.public_key
MEMBERS = {one.public_key: member_of(one, CLUSTER, CLUSTER) for one in (A, B)}
WALL = 1_700_000_000.0


def fleet(*, heard: bool = True) -> Fleet:
    made = Fleet()
    made.sync(MEMBERS, 0.0)
    if heard:
        for key in MEMBERS:
            made.heard(key, 0.0, WALL)
        made.look(0.0)
    return made


def test_a_host_that_goes_silent_is_suspect_and_then_down_and_comes_back() -> None:
    one = fleet()
    one.heard(B.public_key, 100.0, WALL)
    assert one.look(SUSPECT_S - 0.1) == []
    assert one.look(SUSPECT_S) == [Change(KEY, Reach.UP, Reach.SUSPECT)]
    assert one.look(SUSPECT_S) == []
    assert one.look(DOWN_S) == [Change(KEY, Reach.SUSPECT, Reach.DOWN)]
    one.heard(KEY, DOWN_S, WALL + DOWN_S)
    assert one.look(DOWN_S) == [Change(KEY, Reach.DOWN, Reach.UP)]


def test_one_host_may_be_looked_at_alone() -> None:
    one = fleet()
    assert one.look(DOWN_S, KEY) == [Change(KEY, Reach.UP, Reach.DOWN)]
    assert one.look(DOWN_S, host(3).public_key) == []
    assert one.look(DOWN_S) == [Change(B.public_key, Reach.UP, Reach.DOWN)]


def test_both_are_noticed_within_the_promised_time() -> None:
    assert SUSPECT_S + 0.5 < 5
    assert DOWN_S + 0.5 < 15


def test_a_host_not_heard_yet_is_looked_for_before_it_is_down() -> None:
    one = fleet(heard=False)
    assert one.reach(KEY) is Reach.SUSPECT
    assert one.look(DOWN_S - 0.1) == []
    assert {change.after for change in one.look(DOWN_S)} == {Reach.DOWN}
    assert one.row(KEY, 0.0, WALL).last_seen is None


def test_last_figures_stay_with_their_age_and_are_never_fresh() -> None:
    one = fleet()
    one.noted(KEY, PeerState(time=WALL, apps_up=3, apps_total=4), 0.0, WALL)
    one.look(DOWN_S)
    row = one.row(KEY, 0.0, WALL + 60)
    assert (row.state, row.apps_up, row.apps_total) == (Reach.DOWN, 3, 4)
    assert (row.last_seen, row.age_seconds) == (WALL, 60.0)


def test_no_clock_that_was_set_or_stood_still_makes_old_data_fresh() -> None:
    one = fleet()
    one.heard(KEY, 10.0, WALL + 10)
    one.heard(KEY, 5.0, WALL + 10)
    assert one.row(KEY, 70.0, WALL - 3_600).age_seconds == 60.0  # this host's clock was set back by an hour
    assert one.row(KEY, 12.0, WALL + 310).age_seconds == 300.0  # this host slept
    assert one.row(KEY, 10.0, WALL).age_seconds == 0.0


def test_a_host_that_takes_no_work_is_paused_while_it_is_heard() -> None:
    one = fleet()
    one.noted(KEY, PeerState(time=WALL, paused=True, draining=True), 0.0, WALL)
    assert one.look(0.0) == [Change(KEY, Reach.UP, Reach.PAUSED)]
    assert one.row(KEY, 0.0, WALL).draining
    assert Change(KEY, Reach.PAUSED, Reach.DOWN) in one.look(DOWN_S)


def test_what_was_slept_here_is_held_against_nobody() -> None:
    one = fleet()
    one.forgive(60.0)
    assert one.look(60.0) == []


def test_an_older_sign_of_life_takes_nothing_back() -> None:
    one = fleet()
    one.heard(KEY, 10.0, WALL + 10)
    one.heard(KEY, 5.0, WALL + 10)
    assert Change(KEY, Reach.UP, Reach.SUSPECT) not in one.look(10.0 + SUSPECT_S - 0.1)


def test_hosts_come_and_go() -> None:
    one = Fleet()
    came, went = one.sync(MEMBERS, 0.0)
    assert {member.key for member in came} == set(MEMBERS)
    assert went == []
    came, went = one.sync({KEY: MEMBERS[KEY]}, 0.0)
    assert (came, [member.key for member in went]) == ([], [B.public_key])
    assert B.public_key not in one
    assert one.reach(B.public_key) is Reach.DOWN


def test_rows_are_in_the_order_of_labels() -> None:
    one = Fleet()
    names = {A.public_key: "zebra", B.public_key: "ant"}
    one.sync(
        {
            identity.public_key: member_of(identity, CLUSTER, CLUSTER, label=names[identity.public_key])
            for identity in (A, B)
        },
        0.0,
    )
    assert [row.label for row in one.rows(0.0, WALL)] == ["ant", "zebra"]


def test_the_path_is_known_while_there_is_a_link() -> None:
    one = fleet()
    one.greeted(KEY, "0.2", "relay")
    assert (one.row(KEY, 0.0, WALL).path, one.row(KEY, 0.0, WALL).version) == ("relay", "0.2")
    one.away(KEY)
    assert (one.row(KEY, 0.0, WALL).path, one.row(KEY, 0.0, WALL).version) == ("none", "0.2")


def test_what_a_host_told_is_echoed_to_it() -> None:
    one = fleet()
    assert one.echo(KEY, 1.0) == (0.0, 0.0)
    one.noted(KEY, PeerState(time=77.0), 1.0, WALL)
    assert one.echo(KEY, 3.5) == (77.0, 2.5)


def test_the_clock_of_a_host_is_compared() -> None:
    one = fleet()
    one.noted(KEY, PeerState(time=WALL + 100.5, echo=WALL - 1, held_s=0.5), 0.0, WALL)
    assert one.row(KEY, 0.0, WALL).clock_offset_seconds == 100.75


def test_what_outlives_the_daemon_is_recalled_unless_there_is_newer() -> None:
    before, after = fleet(), fleet(heard=False)
    before.noted(KEY, PeerState(time=1.0, apps_up=3), 0.0, WALL)
    before.greeted(KEY, "0.1", "direct")
    kept = dict(before.seen())
    assert set(kept) == set(MEMBERS)
    after.recall(KEY, kept[KEY])
    after.recall(PublicKey(bytes(32)), kept[KEY])
    row = after.row(KEY, 0.0, WALL + 5)
    assert (row.state, row.apps_up, row.age_seconds, row.version) == (Reach.SUSPECT, 3, 5.0, "0.1")
    assert after.echo(KEY, 1.0) == (0.0, 0.0)
    before.recall(KEY, Seen(last_seen=1.0, version="0", note=PeerState(time=1.0)))
    assert before.row(KEY, 0.0, WALL).last_seen == WALL
    assert list(after.seen([B.public_key])) == []


def test_a_stranger_leaves_no_trace() -> None:
    one, stranger = fleet(), PublicKey(bytes(32))
    one.heard(stranger, 1.0, WALL)
    one.greeted(stranger, "1", "direct")
    one.noted(stranger, PeerState(time=1.0), 1.0, WALL)
    one.away(stranger)
    assert len(one.rows(0.0, WALL)) == 2


@given(silences=st.lists(st.integers(0, 40), max_size=20))
def test_a_state_is_told_once_and_follows_from_the_silence_alone(silences: list[int]) -> None:
    one, now, known = fleet(), 0.0, Reach.UP
    for silent in silences:
        one.heard(KEY, now, WALL)
        now += silent
        told = [change for change in one.look(now) if change.key == KEY]
        expected = Reach.DOWN if silent >= DOWN_S else Reach.SUSPECT if silent >= SUSPECT_S else Reach.UP
        assert [change.after for change in told] == ([expected] if expected is not known else [])
        known = expected
