"""The ledger: rows by kind, its indexes, what is over, and rows as they are stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mesh.errors import WireError
from components.mesh.forms import EdgeStatus, Offer
from components.node_manager.ledger import (
    FORMS,
    Change,
    Ledger,
    NodeRow,
    NonceRow,
    OfferRow,
    Row,
    TransportRow,
    UptimeRow,
    decode,
    encode,
    put,
)
from tests.support.manager import link, node, person

ONE, TWO = person(1), person(2)
LINK = link(ONE, TWO)
ROWS: dict[str, Row] = {
    "nonce": NonceRow(ends=5, next=9),
    "transport": TransportRow(ends=5, signed=LINK),
    "node": NodeRow(ends=5, entry=node(ONE), live_until=4),
    "offer": OfferRow(ends=5, offer=Offer(address="a" * 66, type="vpn"), registered=1),
    "uptime": UptimeRow(ends=5, since=1, seen=2, up_s=3),
}


@pytest.mark.parametrize("kind", FORMS)
def test_a_row_is_read_as_it_was_written(kind: str) -> None:
    assert decode(kind, encode(ROWS[kind])) == ROWS[kind]


@given(st.sampled_from([*FORMS, "other"]), st.binary(max_size=50))
def test_any_other_bytes_are_no_row(kind: str, data: bytes) -> None:
    with pytest.raises(WireError, match="not a stored"):
        decode(kind, b"{" + data)


def test_what_is_over_is_dropped_and_nothing_else() -> None:
    book = Ledger()
    book.apply([put("a:k:1" if kind == "offer" else kind, row) for kind, row in ROWS.items()])
    book.apply([put("", NonceRow(ends=0, next=1))])
    assert list(book.ended(4.9)) == []
    ended = list(book.ended(5))
    assert {change.kind for change in ended} == set(FORMS)
    book.apply(ended)
    assert (book.transports, book.nodes, book.offers, book.uptimes) == ({}, {}, {}, {})
    assert list(book.nonces) == [""]
    assert book.of_owner("k") == set()


def test_the_transports_of_a_node_are_found_by_it() -> None:
    book = Ledger()
    book.apply([put("t", ROWS["transport"])])
    edge, other = LINK.entry.edges
    assert book.of_edge(edge) == book.of_edge(other) == {"t"}
    book.apply([Change("transport", "t", None), Change("transport", "t", None)])
    assert book.of_edge(edge) == set()


def test_structure_counts_what_changes_a_graph() -> None:
    book = Ledger()
    up = TransportRow(ends=5, signed=LINK)
    down = TransportRow(ends=5, signed=LINK, statuses=(EdgeStatus(is_up=False), EdgeStatus()))
    counts = []
    for row in (up, up, down, down, None, None):
        book.apply([Change("transport", "t", row)])
        counts.append(book.structure)
    assert counts == [1, 1, 2, 2, 3, 3]
    assert book.changes == 6
