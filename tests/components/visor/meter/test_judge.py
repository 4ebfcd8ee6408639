from hypothesis import given
from hypothesis import strategies as st

from components.visor.meter.judge import Verdict, agreed, differ, judged, missing
from components.visor.meter.sums import Figures

count = st.integers(0, 2**50)


def test_one_per_cent_is_tolerated_both_ways() -> None:
    assert judged(990, 1000, 1000) is Verdict.AGREED
    assert judged(1010, 1000, 1000) is Verdict.AGREED
    assert judged(989, 1000, 1000) is Verdict.LESS
    assert judged(1011, 1000, 1000) is Verdict.MORE


@given(count, count)
def test_bytes_under_way_are_no_difference(before: int, more: int) -> None:
    for claim in (before, before + more // 2, before + more):
        assert judged(claim, before, before + more) is Verdict.AGREED


def test_both_directions_have_to_agree() -> None:
    own = Figures(1000, 500)
    assert agreed(Figures(1000, 500), own, own)
    assert not agreed(Figures(1000, 400), own, own)
    assert not agreed(Figures(900, 500), own, own)
    assert not agreed(Figures(1100, 500), own, own)
    assert agreed(Figures(1100, 500), own, Figures(1000, 500, unsure=100))


def test_only_what_cannot_be_under_way_is_missing() -> None:
    assert missing(Figures(1100, 500), Figures(1000, 500, unsure=40)) == Figures(60, 0)
    assert missing(Figures(900, 700), Figures(1000, 500)) == Figures(0, 200)


@given(count, count)
def test_a_difference_is_seen_from_either_side(one: int, other: int) -> None:
    assert differ(one, other) == differ(other, one)
    assert not differ(one, one)
