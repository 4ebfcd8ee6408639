import uuid

from components.visor.links.latency import Latency, as_us
from components.visor.links.limits import RTT_LEAST_S

ID = uuid.uuid4()


def test_the_first_figure_is_told_at_once() -> None:
    latency = Latency()
    assert not latency.is_due(ID, 0, 0.0)
    latency.told(ID, 0, 0.0)
    assert latency.is_due(ID, 70, 0.1)


def test_a_figure_is_told_again_when_it_changed_by_more_than_a_quarter() -> None:
    latency = Latency()
    latency.told(ID, 1000, 0.0)
    later = RTT_LEAST_S
    assert [latency.is_due(ID, rtt, later) for rtt in (750, 1250, 749, 1251)] == [False, False, True, True]


def test_a_figure_that_flickers_is_told_seldom() -> None:
    latency = Latency()
    latency.told(ID, 1000, 0.0)
    assert not latency.is_due(ID, 9000, RTT_LEAST_S - 0.1)
    latency.forget(ID)
    assert latency.is_due(ID, 9000, RTT_LEAST_S - 0.1)


def test_what_was_measured_is_never_told_as_unknown() -> None:
    assert (as_us(None), as_us(0.0), as_us(0.0012345)) == (0, 1, 1234)
