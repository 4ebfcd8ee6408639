"""Changes as steps, and their inverses."""

from hypothesis import given
from hypothesis import strategies as st

from plugins.vpn.changes import Change, Route, Rule, Run, Sysctl, Table, Write, doing, inverse

name = st.text("abc_", min_size=1, max_size=5)
words = st.lists(name, min_size=1, max_size=4).map(tuple)
family = st.sampled_from([4, 6])
changes = st.one_of(
    st.builds(Table, name, name), st.builds(Rule, family, words), st.builds(Route, family, words)
)


def effect(step: Run, state: set[str]) -> None:
    """What a command does, on a host that knows names only."""
    if step.argv[0] == "nft":
        verb, _, _, table = step.stdin.splitlines()[1].split()
        assert verb == "delete"
        state.discard(table)
        if len(step.stdin.splitlines()) > 2:
            state.add(table)
        return
    ip, which, kind, verb, *rest = step.argv
    thing = " ".join((ip, which, kind, *rest))
    assert verb in ("add", "del")
    (state.add if verb == "add" else state.discard)(thing)


@given(st.lists(changes, max_size=6, unique_by=str))
def test_a_list_of_changes_and_its_inverse_leave_nothing(done: list[Change]) -> None:
    state = set[str]()
    for change in done:
        step = doing(change)
        assert isinstance(step, Run)
        effect(step, state)
    for _ in range(2):  # the second time finds nothing to do
        for change in reversed(done):
            for back in inverse(change, {}):
                assert isinstance(back, Run)
                effect(back, state)
    assert state == set()


def test_a_setting_is_set_back_first_and_then_what_moved_with_it() -> None:
    change = Sysctl("net/b", "1", ("net/*",))
    before = {"net/a": "0", "net/b": "7", "net/c": "1"}
    assert doing(change) == Write("net/b", "1")
    back = inverse(change, before)
    assert back[0] == Write("net/b", "7")
    assert set(back) == {Write(key, value) for key, value in before.items()}
    assert inverse(change, {}) == []


def test_steps_read_as_commands() -> None:
    assert str(doing(Rule(6, ("pref", "1")))) == "ip -6 rule add pref 1"
    assert str(doing(Table("t", "    x\n"))).startswith("nft -f - <<END\nadd table inet t\n")
    assert str(Write("net/ipv4/ip_forward", "1")) == "sysctl -w net.ipv4.ip_forward=1"
