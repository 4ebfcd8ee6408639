from signal_bus import limits
from signal_bus.patience import Patience

BURST = int(limits.FAULTS_BURST)


def spent() -> Patience:
    patience = Patience()
    assert not any(patience.lose("a", 0.0) for _ in range(BURST))
    assert patience.hears("a", 0.0)
    assert patience.lose("a", 0.0)
    return patience


def test_one_that_is_refused_too_often_is_not_heard_for_a_while() -> None:
    patience = spent()
    assert not patience.hears("a", limits.MUTED_S - 0.01)
    assert patience.hears("a", limits.MUTED_S)
    assert patience.hears("a", limits.MUTED_S - 0.01)


def test_others_are_heard_meanwhile() -> None:
    patience = spent()
    assert patience.hears("b", 0.0)
    assert not patience.lose("b", 0.0)


def test_after_a_rest_there_is_patience_again() -> None:
    patience = spent()
    later = 1000.0
    assert not any(patience.lose("a", later) for _ in range(BURST))


def test_senders_without_number_are_not_all_remembered() -> None:
    patience = Patience()
    for number in range(2 * limits.STRANGERS):
        patience.lose(number, 0.0)
    assert len(patience._budgets) == limits.STRANGERS
