"""Ports: one listener each, free ones in turn, all given back."""

import pytest

from components.visor.apps import ports
from components.visor.apps.errors import Refusal
from components.visor.apps.ports import LAST, Ports


def test_a_port_belongs_to_who_asked_first() -> None:
    table: Ports[str] = Ports()
    assert table.listen("a", 3) == 3
    with pytest.raises(Refusal, match="mesh port 3 is in use by a"):
        table.listen("b", 3)
    with pytest.raises(Refusal, match="do not listen"):
        table.unlisten("b", 3)
    table.unlisten("a", 3)
    with pytest.raises(Refusal, match="do not listen"):
        table.unlisten("a", 3)
    assert table.listen("b", 3) == 3
    assert table.listener(3) == "b"
    assert table.listener(4) is None


def test_an_owner_gives_all_back() -> None:
    table: Ports[str] = Ports()
    for port in (9, 3):
        table.listen("a", port)
    table.listen("b", 4)
    assert table.of("a") == (3, 9)
    table.release("a")
    assert table.of("a") == ()
    assert table.of("b") == (4,)


def test_a_free_port_is_used_again_as_late_as_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "FIRST_EPHEMERAL", LAST - 2)
    table: Ports[str] = Ports()
    table._next = LAST - 2
    first = table.lend()
    table.give_back(first)
    assert [table.lend(), table.listen("a", 0)] == [LAST - 1, LAST]
    assert table.lend() == first
    with pytest.raises(Refusal, match="all ports"):
        table.lend()
    with pytest.raises(Refusal, match="a stream"):
        table.listen("a", first)
