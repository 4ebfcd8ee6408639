"""How a trial ends, and what the two paces ask."""

from dataclasses import asdict

import pytest

from viscript.prove.verdict import FULL, QUICK, BrokenPromise, expect


def test_what_did_not_hold_is_raised_with_its_figures() -> None:
    with pytest.raises(BrokenPromise, match="two are left") as caught:
        expect(False, "two are left", left=2)
    assert caught.value.figures == {"left": 2}


def test_what_held_passes() -> None:
    expect(True, "never said")


def test_quick_does_less_of_everything_and_waits_longer() -> None:
    quick, full = asdict(QUICK), asdict(FULL)
    assert quick.pop("patience") > full.pop("patience")
    assert all(quick[name] < full[name] for name in full)
