import gc
import time

from tests.support.fake_world import FakeWorld, instance
from tests.support.verbs import SCREEN
from viscript.render.table import fields, table
from viscript.verbs.listing import LIST_COLUMNS, list_rows
from viscript.verbs.table import Column, Terminal

COLUMNS = (
    Column(title="id", text=lambda row: str(row[0]), right=True),
    Column(title="name", text=lambda row: row[1], shrink=True),
    Column(title="state", text=lambda row: row[2], style=lambda row: "good"),
    Column(title="note", text=lambda row: "n", wide=True),
)
ROWS = [(1, "apptracker", "running"), (22, "a name that is long, longer than there is room", "ready")]
PIPE = Terminal(out=False)


def test_columns_are_aligned() -> None:
    assert table(ROWS[:1], COLUMNS, PIPE) == "ID  NAME        STATE\n 1  apptracker  running\n"


def test_wide_shows_every_column() -> None:
    assert "NOTE" in table(ROWS, COLUMNS, PIPE, wide=True)


def test_no_line_exceeds_the_screen() -> None:
    shown = table(ROWS, COLUMNS, Terminal(out=True, columns=30, ascii=True))
    assert max(map(len, shown.splitlines())) <= 30
    assert "~" in shown


def test_nothing_is_cut_in_a_pipe() -> None:
    assert ROWS[1][1] in table(ROWS, COLUMNS, PIPE)


def test_wide_characters_keep_the_columns_aligned() -> None:
    lines = table([(1, "日本", "x"), (2, "ab", "y")], COLUMNS, Terminal(ascii=False)).splitlines()
    assert lines[1:] == [" 1  日本  x", " 2  ab    y"]


def test_colour_changes_no_word() -> None:
    plain = table(ROWS, COLUMNS, PIPE)
    coloured = table(ROWS, COLUMNS, Terminal(colour=True))
    assert "\x1b[32mrunning\x1b[0m" in coloured
    assert "\x1b" not in plain


def test_an_app_cannot_write_to_the_terminal_by_its_name() -> None:
    assert "\x1b" not in table([(1, "\x1b[2J\n", "x")], COLUMNS, PIPE)


def test_no_columns_no_text() -> None:
    assert table(ROWS, (), PIPE) == ""


def test_an_object_is_shown_as_fields() -> None:
    assert fields([("pid", "7"), ("name", "x")], PIPE) == "pid   7\nname  x\n"


def test_a_thousand_rows_take_little_time() -> None:
    world = FakeWorld(*(instance(seq, f"app-{seq}") for seq in range(1, 1001)))
    rows = list_rows(world, world.fake.instances())
    times = []
    gc.collect()
    for _ in range(7):
        start = time.thread_time()
        table(rows, LIST_COLUMNS, SCREEN)
        times.append(time.thread_time() - start)
    assert min(times) < 0.030  # 15 ms on a quiet machine; bench/ holds the figure


def _wide(at: int) -> Column:
    return Column(title=f"column{at}", text=lambda row: f"{row}{at}" * 5)


def test_a_few_rows_too_long_for_the_screen_are_shown_as_blocks() -> None:
    columns = [_wide(at) for at in range(12)]
    narrow = Terminal(out=True, columns=60)
    text = table([1, 2], columns, narrow)
    assert max(map(len, text.splitlines())) <= 60
    assert text.count("column0") == 2
    assert len(table(list(range(9)), columns, narrow).splitlines()) == 10
