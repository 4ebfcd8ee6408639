"""Is an app over its limits? By figures and time alone."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from viscript.config.model import CountLimit, CpuLimit, Limits, MemoryLimit
from viscript.supervisor.limits import TABLE, Figures, Level, Sight, Watch, amount

MIB = 1 << 20
MEMORY = Limits(memory=MemoryLimit(max=512 * MIB))


def test_every_pair_is_decided() -> None:
    assert TABLE.keys() == set(product(Level, Sight))


def test_the_first_look_above_a_plain_limit_tells_once() -> None:
    watch = Watch()
    assert watch.look(MEMORY, Figures(memory=512 * MIB), 0.0) == []
    (change,) = watch.look(MEMORY, Figures(memory=600 * MIB), 0.5)
    assert (change.kind, change.over, change.value) == ("memory", True, 600 * MIB)
    assert change.text == "memory, 600MiB, is over its limit of 512MiB"
    assert watch.is_over
    assert watch.look(MEMORY, Figures(memory=700 * MIB), 1.0) == []


def test_it_is_told_when_it_is_below_again() -> None:
    watch = Watch()
    watch.look(MEMORY, Figures(memory=600 * MIB), 0.0)
    (change,) = watch.look(MEMORY, Figures(memory=100 * MIB), 0.5)
    assert not change.over
    assert change.text == "memory, 100MiB, is below its limit of 512MiB again"
    assert not watch.is_over


def test_a_limit_with_for_needs_all_of_that_time_without_a_break() -> None:
    limits, watch = Limits(cpu=CpuLimit(max=80.0, for_=10.0)), Watch()
    assert watch.look(limits, Figures(cpu=100.0), 0.0) == []
    assert watch.look(limits, Figures(cpu=50.0), 9.0) == []
    assert watch.look(limits, Figures(cpu=100.0), 9.5) == []
    assert watch.look(limits, Figures(cpu=100.0), 19.0) == []
    (change,) = watch.look(limits, Figures(cpu=95.4), 19.5)
    assert change.text == "cpu, 95%, is over its limit of 80% for 10s"


def test_what_nobody_can_tell_is_no_breach() -> None:
    limits = Limits(fds=CountLimit(max=1), threads=CountLimit(max=1))
    assert Watch().look(limits, Figures(fds=None, threads=1), 0.0) == []


def test_several_limits_are_told_one_by_one() -> None:
    limits = Limits(fds=CountLimit(max=10), threads=CountLimit(max=5))
    found = Watch().look(limits, Figures(fds=11, threads=6), 0.0)
    assert [change.text for change in found] == [
        "the number of open files, 11, is over its limit of 10",
        "the number of threads, 6, is over its limit of 5",
    ]


def test_a_small_amount_of_memory_is_told_to_the_byte() -> None:
    assert amount("memory", 4096) == "4KiB"
    assert amount("memory", 20 * MIB + 1) == "20MiB"


@given(st.lists(st.tuples(st.integers(0, 20), st.floats(0, 5)), max_size=30))
def test_over_and_below_take_turns(looks: list[tuple[int, float]]) -> None:
    limits, watch, now, told = Limits(fds=CountLimit(max=10, for_=2.0)), Watch(), 0.0, []
    for fds, pause in looks:
        now += pause
        told += [change.over for change in watch.look(limits, Figures(fds=fds), now)]
    assert told == [index % 2 == 0 for index in range(len(told))]
