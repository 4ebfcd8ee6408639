import pytest

from components.visor.meter.check import BAD, Finding, Lined, Standing, judged, lined_up
from components.visor.meter.receipt import Receipt, sign
from components.visor.meter.store import Kept
from components.visor.meter.sums import Entry, Line
from signal_bus.identity import Identity
from tests.support.mesh import ALICE, BOB, CAROL

DAY = 20_000
LINE = Line(BOB.public_key, 3, dialled=True)
BACK = Line(BOB.public_key, 3, dialled=False)
RECEIPT = Receipt(ALICE.public_key, BOB.public_key, 3, DAY, 1, 1000, 20)


def kept(receipt: Receipt = RECEIPT, by: tuple[Identity, Identity] = (ALICE, BOB), line: Line = LINE) -> Kept:
    return Kept(DAY, line, receipt.pack(), sign(by[0], receipt), sign(by[1], receipt))


def found(
    sent: int, received: int, one: Kept | None, disputed: Receipt | None = None, *, line: Line = LINE
) -> Finding:
    """Alice's view."""
    lined = Lined(DAY, line, [Entry(DAY, line, "app", sent, received, 0)], one)
    disputes = {} if disputed is None else {(DAY, line): disputed}
    return judged(ALICE.public_key, lined, disputes, verify=True)


def test_figures_that_both_signed_are_signed() -> None:
    assert found(1000, 20, kept()).standing is Standing.SIGNED
    assert found(1005, 20, kept()).standing is Standing.SIGNED


def test_the_side_that_was_dialled_finds_its_own_in_it() -> None:
    receipt = RECEIPT._replace(dialler=BOB.public_key, dialled=ALICE.public_key)
    one = kept(receipt, (BOB, ALICE), BACK)
    assert found(20, 1000, one, line=BACK).standing is Standing.SIGNED
    assert found(20, 900, one, line=BACK).standing is Standing.DIFFERS


def test_more_than_was_signed_is_open() -> None:
    assert found(2000, 20, kept()).standing is Standing.OPEN
    assert found(1000, 20, None).standing is Standing.NONE


def test_less_than_was_signed_is_a_fault() -> None:
    finding = found(900, 20, kept())
    assert finding.standing in BAD
    assert finding.text == "both signed for 1000 bytes sent, but only 900 are counted here"


@pytest.mark.parametrize(
    "one, text",
    [
        (kept(by=(CAROL, BOB)), "the signature of this node does not fit the receipt"),
        (kept(by=(ALICE, CAROL)), f"the signature of {BOB.public_key.hex()} does not fit the receipt"),
        (kept()._replace(receipt=RECEIPT._replace(there_bytes=10).pack()), "the signature of this node"),
        (kept()._replace(receipt=b"short"), "the receipt cannot be read"),
        (kept(RECEIPT._replace(port=4)), "the receipt is one of another line or day"),
        (kept(RECEIPT._replace(day=DAY - 1)), "the receipt is one of another line or day"),
        (kept(RECEIPT._replace(dialler=CAROL.public_key)), "the receipt is one of another line or day"),
    ],
)
def test_what_is_forged_is_found_and_named(one: Kept, text: str) -> None:
    finding = found(1000, 20, one)
    assert finding.standing is Standing.FORGED
    assert finding.text.startswith(text)


def test_without_verifying_only_the_figures_are_looked_at() -> None:
    lined = Lined(DAY, LINE, [Entry(DAY, LINE, "app", 1000, 20, 0)], kept(by=(CAROL, CAROL)))
    assert judged(ALICE.public_key, lined, {}, verify=False).standing is Standing.SIGNED


def test_what_the_peer_sees_otherwise_is_told_with_both_figures() -> None:
    theirs = RECEIPT._replace(there_bytes=500)
    for one in (None, kept()):
        finding = found(1000, 20, one, theirs)
        assert finding.standing is Standing.DIFFERS
        assert finding.text == "the peer counts 500 bytes sent and 20 received, we 1000 and 20"


def test_figures_and_receipts_come_together_the_oldest_first() -> None:
    old, new = Entry(DAY - 1, LINE, "b", 1, 1, 0), Entry(DAY, LINE, "a", 2, 2, 0)
    other = Entry(DAY, LINE, "c", 3, 3, 0)
    lines = lined_up([new, other, old], [kept(), kept(line=BACK)])
    assert [(each.day, each.line, each.sent, each.kept is not None) for each in lines] == [
        (DAY - 1, LINE, 1, False),
        (DAY, BACK, 0, True),
        (DAY, LINE, 5, True),
    ]
