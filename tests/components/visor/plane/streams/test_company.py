from components.visor.plane.streams.company import Company
from components.visor.plane.streams.limits import ALONE_AFTER_S, ALONE_SLACK_S


def test_a_stream_is_alone_when_for_a_while_no_other_moved() -> None:
    company, bulk, other = Company(), object(), object()
    company.moved(bulk, 10.0)
    assert company.slack_s(10.0 + ALONE_AFTER_S) == 0.0
    company.moved(bulk, 10.5 + ALONE_AFTER_S)
    assert company.slack_s(10.5 + ALONE_AFTER_S) == ALONE_SLACK_S
    company.moved(other, 12.0)
    company.moved(bulk, 12.1)
    assert company.slack_s(12.1 + ALONE_AFTER_S / 2) == 0.0
