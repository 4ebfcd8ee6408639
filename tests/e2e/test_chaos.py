"""Whatever is killed, frozen and asked at random: no app is doubled, lost, or other than `la` says."""

import itertools
from pathlib import Path

import psutil
import pytest

from tests.support.chaos import MOST_APPS, Chaos
from tests.support.home import ScratchHome
from tests.support.logged import logged
from tests.support.programs import pids, rows
from tests.support.wait import eventually


def nothing_is_doubled(chaos: Chaos) -> None:
    runs = chaos.runs()
    assert not (chaos.folder / "doubled").exists()
    assert len({(seq, gen) for seq, gen, _ in runs}) == len(runs)
    assert len(set(chaos.given)) == len(chaos.given)
    assert chaos.given == sorted(chaos.given)


def what_is_said_is_true(chaos: Chaos) -> None:
    assert set(pids(chaos.home).values()) == {process.pid for process in chaos.living()}
    states = {seq: row["state"] for seq, row in rows(chaos.home).items()}
    wrong = {seq: states[seq] for seq, wanted in chaos.wanted.items() if (states[seq] == "running") != wanted}
    assert not wrong
    assert chaos.wanted


def output_is_complete(chaos: Chaos) -> None:
    """Each run from its first line on, in order; of what runs, every line there was at this moment."""
    living = {(seq, row["generation"]) for seq, row in rows(chaos.home).items() if row["pid"]}
    for seq in {seq for seq, _, _ in chaos.runs()}:
        for generation, tally in chaos.tallies(seq).items():
            if (seq, generation) in living:
                eventually(lambda: lines_of_runs(chaos, seq).get(generation, 0) >= tally)  # noqa: B023
        lines_of_runs(chaos, seq)


def lines_of_runs(chaos: Chaos, seq: int) -> dict[int, int]:
    """How many lines of each generation are in the log of one id; in order, none missing in between."""
    folder = next(Path(chaos.home.root, "logs").glob(f"{seq}-*"), None)
    words = [] if folder is None else [line.split() for line in logged(folder).decode().split("\n")[:-1]]
    seen: dict[int, int] = {}
    for generation, run in itertools.groupby(words, key=lambda pair: int(pair[0])):
        numbers = [int(number) for _, number in run]
        assert numbers == list(range(len(numbers))), f"{seq}.{generation}"
        assert generation not in seen, f"{seq}.{generation} comes twice"
        seen[generation] = len(numbers)
    return seen


def nothing_piles_up(chaos: Chaos) -> None:
    keeper, daemon = (psutil.Process(pid) for pid in (chaos.home.keeper_pid(), chaos.home.daemon_pid()))
    for process in (keeper, daemon):
        children = process.children()
        assert [child for child in children if child.status() == psutil.STATUS_ZOMBIE] == []
        assert process.num_fds() < 60 + 8 * MOST_APPS


def survive(chaos: Chaos, seconds: float) -> None:
    chaos.begin()
    chaos.rage(seconds)
    chaos.calm_down()
    try:
        nothing_is_doubled(chaos)
        what_is_said_is_true(chaos)
        output_is_complete(chaos)
        nothing_piles_up(chaos)
    except AssertionError:
        print(f"seed={chaos.seed}", *chaos.done, sep="\n")
        raise


def test_twenty_seconds_of_disorder(scratch_home: ScratchHome) -> None:
    survive(Chaos(scratch_home, 1), 20)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(2, 12))
def test_a_minute_of_another_disorder(scratch_home: ScratchHome, seed: int) -> None:
    survive(Chaos(scratch_home, seed), 60)
