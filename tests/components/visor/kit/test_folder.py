"""Where an app keeps its files."""

from pathlib import Path

from components.visor.kit.folder import state_folder


def test_the_daemon_says_where_else_it_is_beside_the_visors(tmp_path: Path) -> None:
    said = tmp_path / "said" / "chat"
    assert state_folder("chat", {"VISCRIPT_STATE": str(said)}) == said
    assert said.stat().st_mode & 0o777 == 0o700
    assert state_folder("chat", {"VISCRIPT_HOME": str(tmp_path)}) == tmp_path / "state" / "chat"
    assert state_folder("chat", {"XDG_STATE_HOME": str(tmp_path)}) == tmp_path / "viscript" / "state" / "chat"
