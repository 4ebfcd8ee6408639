from components.visor.meter.limits import APPS_A_LINE, FLOOR_S
from components.visor.meter.receipt import Receipt, Signed
from components.visor.meter.sums import OTHER_APPS, OTHERS, Entry, Figures, Line, Sums
from tests.support.mesh import ALICE, BOB, CAROL

LINE = Line(BOB.public_key, 3, dialled=True)
BACK = Line(CAROL.public_key, 3, dialled=False)


def test_apps_of_one_line_are_counted_apart_and_summed() -> None:
    sums = Sums()
    sums.add(5, LINE, "one", 10, 1)
    sums.add(5, LINE, "two", 20, 2)
    sums.add(5, LINE, "one", 5, 0)
    row = sums.row(5, LINE)
    assert (row.sent, row.received) == (35, 3)
    assert sorted(sums.take_changed()) == [Entry(5, LINE, "one", 15, 1, 0), Entry(5, LINE, "two", 20, 2, 0)]
    assert sums.take_changed() == []


def test_what_could_not_be_written_is_written_later_with_what_came_since() -> None:
    sums = Sums()
    sums.add(5, LINE, "one", 10, 0)
    entries = sums.take_changed()
    sums.add(5, LINE, "one", 10, 0)
    sums.give_back(entries)
    assert sums.take_changed() == [Entry(5, LINE, "one", 20, 0, 0)]


def test_nothing_moved_makes_no_row() -> None:
    sums = Sums()
    sums.add(5, LINE, "one", 0, 0)
    assert not sums.rows
    assert sums.find(5, LINE) is None


def test_lines_above_the_bound_of_a_day_are_counted_together() -> None:
    sums = Sums(lines_a_day=1)
    sums.add(5, LINE, "one", 1, 0)
    sums.add(5, BACK, "one", 2, 0)
    sums.add(6, BACK, "one", 4, 0)
    assert (sums.row(5, OTHERS).sent, sums.row(6, BACK).sent) == (2, 4)
    assert [row.line for row in sums.owed()] != []
    assert OTHERS not in [row.line for row in sums.owed()]


def test_apps_above_the_bound_of_a_line_are_counted_together() -> None:
    sums = Sums()
    for number in range(APPS_A_LINE + 5):
        sums.add(5, LINE, f"app{number}", 1, 0)
    row = sums.row(5, LINE)
    assert (len(row.apps), row.apps[OTHER_APPS], row.sent) == (APPS_A_LINE + 1, [5, 0, 0], APPS_A_LINE + 5)


def test_what_was_kept_is_there_again() -> None:
    receipt = Receipt(ALICE.public_key, BOB.public_key, 3, 5, 9, 10, 1)
    signed = Signed(receipt, b"", b"")
    sums = Sums()
    sums.load([Entry(5, LINE, "one", 10, 1, 4)], [(5, LINE, signed)])
    row = sums.row(5, LINE)
    assert (row.agreed, row.sequence, row.floor) == ((10, 1), 9, Figures(10, 1))
    assert list(sums.owed()) == []
    sums.add(5, LINE, "one", 1, 0, restored=True)
    assert sums.take_changed() == [Entry(5, LINE, "one", 11, 1, 5)]
    assert list(sums.owed()) == [row]


def test_the_side_that_was_dialled_reads_a_receipt_the_other_way_round() -> None:
    sums = Sums()
    receipt = Receipt(CAROL.public_key, ALICE.public_key, 3, 5, 1, 10, 1)
    sums.load([], [(5, BACK, Signed(receipt, b"", b""))])
    assert sums.row(5, BACK).agreed == (1, 10)


def test_the_floor_is_what_was_counted_some_seconds_ago() -> None:
    sums = Sums()
    row = sums.row(5, LINE)
    seen = []
    for second in range(0, 5 * int(FLOOR_S), int(FLOOR_S)):
        sums.add(5, LINE, "one", 100, 0)
        row.age(float(second))
        row.age(second + 0.5)
        seen.append(row.floor.sent)
    assert seen == [0, 100, 200, 300, 400]


def test_days_that_are_over_go_once_they_are_written() -> None:
    sums = Sums()
    sums.add(5, LINE, "one", 1, 0)
    sums.forget_before(6)
    assert (5, LINE) in sums.rows
    sums.take_changed()
    sums.forget_before(6)
    assert not sums.rows
    assert list(sums.owed()) == []
