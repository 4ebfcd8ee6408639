"""Rules are kept, wholly or not at all."""

from pathlib import Path

import pytest

from plugins.forward import store
from plugins.forward.rules import Rule, RuleError, Rules

FWD = Rule(kind="fwd", listen="127.0.0.1:80", target="127.0.0.1:81", peers=("aa",), udp=True)


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    rules = Rules()
    rules.add(FWD)
    rules.add(Rule(kind="offer", target="127.0.0.1:80", peers=("all",)))
    rules.remove(2)
    store.save(tmp_path / "new", rules)
    found = store.load(tmp_path / "new")
    assert (found.kept, found.last) == ({1: FWD}, 2)
    assert (tmp_path / "new" / store.NAME).stat().st_mode & 0o777 == 0o600


def test_without_a_folder_nothing_is_kept() -> None:
    store.save(None, Rules({1: FWD}))
    assert not store.load(None).kept


def test_no_file_is_no_rules(tmp_path: Path) -> None:
    assert not store.load(tmp_path).kept


@pytest.mark.parametrize(
    "text", ["", "{", '{"last":1}', '{"last":1,"rules":{"1":{"kind":"dance","peers":[]}}}']
)
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / store.NAME).write_text(text)
    with pytest.raises(RuleError, match=r"rules\.json cannot be read"):
        store.load(tmp_path)


def test_where_nothing_can_be_written_the_reason_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RuleError, match="cannot be kept"):
        store.save(tmp_path / "file", Rules({1: FWD}))
