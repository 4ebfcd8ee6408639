"""The verb `prove` in the table: its help names every trial, a row is one line."""

from viscript.verbs import proving
from viscript.verbs.core import builtin
from viscript.verbs.results import TrialRow


def test_help_names_every_trial() -> None:
    verb = builtin().get("prove")
    assert verb is not None
    assert all(name in verb.help for name in proving.TRIALS)


def test_a_row_is_one_line() -> None:
    row = TrialRow(trial="cut", status="not tried", seconds=2.0, figures={}, text="needs root")
    assert proving.line_of(row).split() == ["NOT", "TRIED", "cut", "2.0s", "needs", "root"]
