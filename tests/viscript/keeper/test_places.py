"""Where a keeper's things are."""

from viscript.home import find_home
from viscript.keeper.places import Places


def test_they_are_where_the_home_says() -> None:
    home = find_home({"VISCRIPT_HOME": "/h"})
    places = Places(home.root, home.run, home.keeper)
    assert places.socket == home.keeper_socket
    assert places.lock == home.keeper_lock
    assert places.journal == f"{home.keeper}/journal"
    assert places.fifos == f"{home.keeper}/fifo"
