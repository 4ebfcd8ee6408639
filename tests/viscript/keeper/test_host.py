"""Which host is chosen, and by what number a home is known."""

from pathlib import Path

from viscript.keeper.host import choose, home_number


def test_linux_is_chosen_where_it_is_and_portable_on_demand() -> None:
    assert choose(1, {}).name == "linux"
    assert choose(1, {"VISCRIPT_PORTABLE": "1"}).name == "portable"
    assert choose(1, {"VISCRIPT_PORTABLE": "0"}).name == "linux"


def test_a_home_is_known_by_its_real_path(tmp_path: Path) -> None:
    home, other, link = tmp_path / "home", tmp_path / "other", tmp_path / "link"
    home.mkdir()
    link.symlink_to(home)
    assert home_number(str(link)) == home_number(str(home)) != home_number(str(other))
    assert 0 <= home_number(str(home)) < 1 << 20
