"""The SSH host key: the same each time."""

import stat
from pathlib import Path

import pytest

from components.visor.app import Misuse
from plugins.terminal import hostkey


def test_it_is_drawn_once_and_kept_for_its_user_only(tmp_path: Path) -> None:
    place = hostkey.place(None, str(tmp_path / "state" / "terminal"))
    assert place is not None
    first = hostkey.load(place)
    assert hostkey.load(place).export_public_key() == first.export_public_key()
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert [path.name for path in place.parent.iterdir()] == [hostkey.FILE]  # nothing beside it


def test_a_file_that_was_named_goes_first() -> None:
    assert hostkey.place(Path("mine"), "/state") == Path("mine")
    assert hostkey.place(None, "") is None


def test_without_a_place_it_is_new_each_time() -> None:
    assert hostkey.load(None).export_public_key() != hostkey.load(None).export_public_key()


def test_a_file_that_holds_no_key_is_told_and_left_alone(tmp_path: Path) -> None:
    place = tmp_path / "key"
    place.write_text("not a key")
    with pytest.raises(Misuse, match=r"the host key in .*key"):
        hostkey.load(place)
    assert place.read_text() == "not a key"
    with pytest.raises(Misuse, match="the host key in"):
        hostkey.load(tmp_path)
