from pathlib import Path

from viscript.config.find import find_config


def touch(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return str(path)


def test_a_named_file_is_the_answer_even_when_it_is_missing(tmp_path: Path) -> None:
    environ = {"VISCRIPT_CONFIG": "named.yaml", "HOME": str(tmp_path)}
    assert find_config("other.yaml", environ, str(tmp_path)).path == "other.yaml"
    assert find_config(None, environ, str(tmp_path)).path == str(tmp_path / "named.yaml")


def test_the_order_is_folder_home_user(tmp_path: Path) -> None:
    environ = {"VISCRIPT_HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    here = str(tmp_path / "here")
    searched = tuple(str(tmp_path / name) for name in ("here/config.yaml", "home/config.yaml"))
    everything = (*searched, str(tmp_path / "xdg/viscript/config.yaml"))
    assert find_config(None, environ, here).searched == everything
    for path in reversed(everything):
        touch(Path(path))
        assert find_config(None, environ, here).path == path


def test_a_folder_that_is_not_trusted_is_not_looked_at(tmp_path: Path) -> None:
    touch(tmp_path / "config.yaml")
    found = find_config(None, {"HOME": "/nowhere"}, None, home=str(tmp_path / "root"))
    assert found.path is None
    assert found.searched == (str(tmp_path / "root/config.yaml"), "/nowhere/.config/viscript/config.yaml")


def test_without_any_variable_there_is_little_to_search() -> None:
    assert find_config(None, {}, None).searched == ()
