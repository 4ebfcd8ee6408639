"""The catalogue and the verb's own list name the same trials, in the same order."""

from viscript.prove.catalogue import BY_NAME, TRIALS
from viscript.verbs import proving


def test_the_verb_names_every_trial_and_no_other() -> None:
    assert [trial.name for trial in TRIALS] == list(proving.TRIALS)


def test_every_trial_has_a_bound_and_a_sentence() -> None:
    assert all(0 < trial.limit_s <= 300 for trial in TRIALS)
    assert all(trial.run.__doc__ for trial in TRIALS)


def test_no_two_have_one_name() -> None:
    assert len(BY_NAME) == len(TRIALS)
