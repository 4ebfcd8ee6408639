import itertools

from hypothesis import given
from hypothesis import strategies as st

from components.mesh import rules, setup
from components.mesh.aead import Cipher
from tests.support.setups import over


@given(st.integers(2, setup.MAX_HOPS + 1))
def test_what_one_node_sends_the_next_one_takes_in_both_directions(count: int) -> None:
    create = over(count)
    drawn = rules.draw(create, b"o" * 16, itertools.count(1).__next__)
    legs = [(drawn.own,), *(install.legs for _, install in drawn.orders)]
    for number, hop in enumerate(create.hops):
        here, there = legs[number][-1], legs[number + 1][0]
        assert here.transport == there.transport == hop.transport
        assert (here.out_id, here.in_id) == (there.in_id, there.out_id)
    assert [key for key, _ in drawn.orders] == [hop.target for hop in create.hops]


def test_only_the_last_node_is_told_of_the_ends_and_each_order_is_whole() -> None:
    create = over(4)
    drawn = rules.draw(create, b"o" * 16, itertools.count(1).__next__)
    for _, install in drawn.orders:
        setup.check_install(install)
        assert install.order == b"o" * 16
    *between, last = (install.end for _, install in drawn.orders)
    assert between == [None, None]
    assert last is not None
    assert (last.initiator, last.number, last.cipher) == (create.source, 3, Cipher.CHACHA)
