from components.visor.setup.orders import KEPT_S, Done, Orders
from tests.support.mesh import ALICE, BOB

ONE, OTHER = ALICE.public_key, BOB.public_key


def done(at: float = 0.0) -> Done:
    return Done(at, b"digest", ((1, 2),))


def test_an_order_is_found_by_its_caller_only() -> None:
    orders = Orders()
    orders.add(ONE, b"a", done())
    assert orders.find(ONE, b"a") == done()
    assert orders.find(OTHER, b"a") is None
    assert orders.take(OTHER, b"a") is None
    assert orders.take(ONE, b"a") == done()
    assert orders.take(ONE, b"a") is None
    assert orders.of(ONE, 0.0) == 0


def test_orders_are_counted_by_caller_and_forgotten_in_time() -> None:
    orders = Orders()
    for number in range(3):
        orders.add(ONE, bytes([number]), done(at=number))
    orders.add(OTHER, b"a", done(at=3))
    assert (orders.of(ONE, 3.0), orders.of(OTHER, 3.0), len(orders)) == (3, 1, 4)
    assert (orders.of(ONE, KEPT_S + 1), orders.of(OTHER, KEPT_S + 1)) == (1, 1)
    assert orders.of(OTHER, KEPT_S + 3) == 0
    assert len(orders) == 0
