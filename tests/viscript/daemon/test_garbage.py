"""The search for garbage: none while the daemon comes up, and what is there then is never searched."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from viscript.daemon import garbage


class Ring:
    """Refers to itself."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_none_is_searched_for_until_the_daemon_is_up() -> None:
    garbage.hold_off()
    assert not gc.isenabled()
    garbage.resume()
    assert gc.isenabled()


def test_what_is_there_when_it_is_up_stays_and_what_comes_later_is_freed() -> None:
    garbage.hold_off()
    early = weakref.ref(Ring())
    garbage.resume()
    late = weakref.ref(Ring())
    gc.collect()
    assert early() is not None
    assert late() is None
