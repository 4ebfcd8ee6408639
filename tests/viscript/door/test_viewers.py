from viscript.door.viewers import Viewers


def test_all_viewers_of_an_app_are_told_to_leave() -> None:
    viewers = Viewers()
    with viewers.viewing(7) as one, viewers.viewing(7) as two, viewers.viewing(8) as other:
        assert viewers.count(7) == 2
        assert viewers.detach(7) == 2
        assert (one.is_set(), two.is_set(), other.is_set()) == (True, True, False)
    assert viewers.detach(7) == 0
