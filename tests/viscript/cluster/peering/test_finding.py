"""Where a cluster is: proved by its signature, for that visor and that time."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.rosters import host
from viscript.cluster.peering.finding import LASTS_S, name_of, proved, signed

A, EVE = host(1), host(2)
V1, V2 = b"\x01" * 32, b"\x02" * 32
NOW = 1_000_000.0


def row(visor: bytes, info: object) -> dict[str, object]:
    return {"public_key": visor.hex(), "info": info}


def test_a_cluster_is_where_it_signed_that_it_is() -> None:
    info = signed(A, V1, NOW)
    assert all(len(text) <= 128 for text in info.values())
    assert proved(A.public_key, [row(V1, info), row(V1, info)], NOW + 1) == [V1]


def test_a_name_is_one_that_node_managers_take() -> None:
    assert re.fullmatch(r"[a-z][a-z0-9-]{0,31}", name_of(A.public_key))
    assert name_of(A.public_key) != name_of(EVE.public_key)


def test_nobody_else_can_claim_a_key() -> None:
    rows = [
        row(V1, signed(EVE, V1, NOW)),  # by another key
        row(V2, signed(A, V1, NOW)),  # for another visor
        row(V1, {**signed(A, V1, NOW), "expires": str(int(NOW) + 2 * LASTS_S)}),
    ]
    assert proved(A.public_key, rows, NOW) == []


@pytest.mark.parametrize("late", [LASTS_S, LASTS_S + 1, -LASTS_S - 10])
def test_a_proof_has_its_time(late: int) -> None:
    assert proved(A.public_key, [row(V1, signed(A, V1, NOW))], NOW + late) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_nonsense_is_passed_over(answer: object) -> None:
    assert proved(A.public_key, answer, NOW) == []
    assert proved(A.public_key, [answer, row(V1, signed(A, V1, NOW))], NOW) == [V1]
    odd = {"expires": answer, "proof": answer}
    assert proved(A.public_key, [{"public_key": answer, "info": odd}, row(V1, odd)], NOW) == []


@pytest.mark.parametrize("expires", ["-1", str(2**64), "9" * 5000])
def test_a_time_that_is_none_is_passed_over(expires: str) -> None:
    assert proved(A.public_key, [row(V1, {**signed(A, V1, NOW), "expires": expires})], NOW) == []
