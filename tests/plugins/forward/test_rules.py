"""Who may what."""

import pytest

from plugins.forward.rules import MOST, Rule, RuleError, Rules

FWD = Rule(kind="fwd", listen="127.0.0.1:80", target="127.0.0.1:81", peers=("aa",))
REV = Rule(kind="rev", listen="127.0.0.1:80", target="127.0.0.1:81", peers=("aa",))
OFFER = Rule(kind="offer", target="127.0.0.1:80", peers=("aa", "bb"))
LEND = Rule(kind="lend", listen="127.0.0.1:80", peers=("all",), udp=True)


def test_numbers_go_up_and_are_never_used_again() -> None:
    rules = Rules()
    assert [rules.add(FWD), rules.add(REV), rules.add(OFFER)] == [1, 2, 3]
    assert rules.remove(3) == OFFER
    assert rules.add(OFFER) == 4
    assert Rules(rules.kept, last=9).add(LEND) == 10


def test_one_port_leads_to_one_place() -> None:
    rules = Rules()
    for rule in (FWD, REV, OFFER):
        rules.add(rule)
    other = Rule(kind="fwd", listen=FWD.listen, target="127.0.0.1:99", peers=("bb",))
    away = Rule(kind="rev", listen=REV.listen, target="127.0.0.1:99", peers=("aa",))
    for rule in (OFFER, other, away):
        with pytest.raises(RuleError, match="already"):
            rules.add(rule)
    rules.add(Rule(kind="rev", listen=REV.listen, target="127.0.0.1:99", peers=("bb",)))
    free = Rule(kind="fwd", listen="127.0.0.1:0", target="127.0.0.1:81", peers=("aa",))
    rules.add(free)
    rules.add(Rule(kind="fwd", listen=free.listen, target="127.0.0.1:82", peers=("aa",)))


def test_there_is_a_bound() -> None:
    rules = Rules()
    for port in range(1, MOST + 1):
        rules.add(Rule(kind="offer", target=f"127.0.0.1:{port}", peers=("aa",)))
    with pytest.raises(RuleError, match="no more can be"):
        rules.add(FWD)


def test_what_was_not_said_is_not_allowed() -> None:
    rules = Rules()
    assert not rules.knows("aa")
    rules.add(FWD)
    assert not rules.knows("aa")  # to lead to a peer does not let it lead here
    rules.add(OFFER)
    rules.fixed.append(LEND)
    assert rules.offers("bb", "127.0.0.1:80", udp=False)
    assert not rules.offers("bb", "127.0.0.1:80", udp=True)
    assert not rules.offers("cc", "127.0.0.1:80", udp=False)
    assert not rules.offers("aa", "127.0.0.1:81", udp=False)
    assert rules.lends("cc", "127.0.0.1:80", udp=True)
    assert not rules.lends("cc", "127.0.0.1:80", udp=False)
    assert rules.knows("cc")
    with pytest.raises(RuleError, match="no rule 7"):
        rules.remove(7)
