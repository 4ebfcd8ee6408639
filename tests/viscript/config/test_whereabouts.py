import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.config.fault import Place
from viscript.config.whereabouts import Whereabouts

NUMBERS = st.integers(0, 2**31)
PLACES = st.builds(Place, st.text(max_size=4), NUMBERS, NUMBERS)


@given(st.dictionaries(st.text(max_size=8), PLACES), st.text(max_size=8))
def test_it_answers_as_the_dict_it_was_made_of(places: dict[str, Place], other: str) -> None:
    packed = Whereabouts(places)
    assert dict(packed) == places
    assert len(packed) == len(places)
    assert packed.get(other) == places.get(other)


def test_a_path_without_a_place_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="b"):
        Whereabouts({"apps.a": Place("c.yaml", 1, 1)})["apps.b"]
    assert "apps" not in Whereabouts({})


def test_a_lone_surrogate_in_a_key_is_no_fault() -> None:
    places = {"\ud800": Place("c.yaml", 1, 1)}
    assert dict(Whereabouts(places)) == places
