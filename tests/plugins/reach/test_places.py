"""Who may go where."""

from plugins.reach.places import Place, Places

ANN, BEN = "aa" * 32, "bb" * 32


def test_only_who_is_named_goes_to_a_place() -> None:
    places = Places()
    assert not places.knows(ANN)
    places.replace({"peers": Place("/p", frozenset({ANN}))})
    assert (places.knows(ANN), places.knows(BEN)) == (True, False)
    assert (places.is_named(ANN), places.is_named(BEN)) == (True, False)
    assert places.place_for(ANN, "peers") == Place("/p", frozenset({ANN}))
    assert places.place_for(BEN, "peers") is None
    assert places.place_for(ANN, "pairing") is None


def test_a_place_without_names_is_open_to_everybody() -> None:
    places = Places()
    places.replace({"pairing": Place("/p")})
    assert places.knows(BEN)
    assert not places.is_named(BEN)
    assert places.place_for(BEN, "pairing") == Place("/p")
    assert places.names == ["pairing"]
    places.replace({})
    assert not places.knows(BEN)
    assert len(places) == 0
