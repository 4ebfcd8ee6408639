"""What people are told when there is no way to a peer."""

import pytest

from components.mesh.errors import RemoteError, TimedOut, Unreachable
from components.visor.node.wayless import LINK_IT, NO_LINK, Wayless
from signal_bus.ids import PublicKey
from tests.support.mesh import ALICE, BOB

A, B = ALICE.public_key, BOB.public_key
UNLINKED = "has no transport that is up"


class Book:
    """One name."""

    def label(self, key: PublicKey) -> str:
        return "mike" if key == B else ""


BOOK = Book()


@pytest.mark.parametrize(
    "linked, fault, told",
    [
        (False, f"route: {A.hex()} {UNLINKED}", f"mike: this node {UNLINKED}: {NO_LINK}"),
        (False, "no path to it is known", f"mike: no path to it is known; this node {UNLINKED}: {NO_LINK}"),
        (True, "no path to it is known", "mike: no path to it is known"),
        (True, f"route: {B.hex()} {UNLINKED}", f"mike: it {UNLINKED}: {LINK_IT}"),
        (True, f"no route from 02{A.hex()} to {'ab' * 32}", f"mike: no route from this node to {'ab' * 6}"),
    ],
)
def test_keys_have_names_and_what_to_do_is_said(linked: bool, fault: str, told: str) -> None:
    with pytest.raises(Unreachable) as caught, Wayless(A, BOOK, lambda: linked).told(B):
        raise Unreachable(B.hex(), fault)
    assert str(caught.value) == told


def test_what_a_route_finder_says_is_told_the_same_way() -> None:
    with pytest.raises(Unreachable, match=f"^mike: it {UNLINKED}: "), Wayless(A, BOOK, lambda: True).told(B):
        raise RemoteError("route", f"{B.hex()} {UNLINKED}")


@pytest.mark.parametrize("fault", [RemoteError("denied", "not you"), TimedOut("the route finder", 1)])
def test_what_has_other_reasons_stays(fault: Exception) -> None:
    with pytest.raises(type(fault)) as caught, Wayless(A, BOOK, lambda: False).told(B):
        raise fault
    assert caught.value is fault
