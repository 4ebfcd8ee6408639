from components.visor.setup.rotation import SHUNNED_S, Rotation
from signal_bus.ids import PublicKey

A, B, C = (PublicKey(bytes([n]) * 32) for n in (1, 2, 3))


def test_each_is_the_first_in_turn() -> None:
    rotation = Rotation([A, B, C, A])
    assert [rotation.order(0.0) for _ in range(4)] == [[A, B, C], [B, C, A], [C, A, B], [A, B, C]]


def test_one_that_failed_is_asked_last_for_a_while() -> None:
    rotation = Rotation([A, B, C])
    rotation.shun(A, 0.0)
    rotation.shun(C, 1.0)
    assert rotation.order(2.0) == [B, A, C]
    assert rotation.order(SHUNNED_S)[-1] == C


def test_one_that_answers_again_is_as_good_as_the_others() -> None:
    rotation = Rotation([A, B])
    rotation.shun(A, 0.0)
    rotation.praise(A)
    rotation.praise(B)
    assert rotation.order(1.0) == [A, B]


def test_when_all_failed_all_are_asked() -> None:
    rotation = Rotation([A, B])
    rotation.shun(B, 0.0)
    rotation.shun(A, 1.0)
    assert rotation.order(2.0) == [B, A]
    assert Rotation([]).order(0.0) == []
