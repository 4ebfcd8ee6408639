from pathlib import Path

import pytest

from viscript.config.env import Gathered, delta, environment, gather
from viscript.config.fault import BadConfig
from viscript.config.model import App, Secret, SecretValue

FROM_FILE = SecretValue(secret=Secret(file="token"))
FROM_ENV = SecretValue(secret=Secret(env="WEB_TOKEN"))


def test_later_sources_win_and_null_removes() -> None:
    app = App(env={"A": "env", "GONE": None, "TOKEN": FROM_FILE})
    files = [{"A": "file", "B": "first", "GONE": "file"}, {"B": "second"}]
    inherited = {"A": "inherited", "GONE": "x", "HOME": "/h"}
    whole = environment(app, inherited, files=files, secrets={"TOKEN": "s"}, extra={"C": "start"})
    assert whole == {"A": "env", "B": "second", "HOME": "/h", "TOKEN": "s", "C": "start"}


def test_nothing_is_inherited_when_not_wanted() -> None:
    app = App(env={"A": "1"}, inherit_env=False)
    assert environment(app, {"HOME": "/h"}) == {"A": "1"}


def test_the_delta_says_what_is_removed() -> None:
    assert delta(App(env={"A": "1", "B": None})) == {"A": "1", "B": None}


def test_files_and_secrets_are_read_at_the_start(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n")
    (tmp_path / "token").write_text("hunter2\n")
    app = App(env_file=(".env",), env={"TOKEN": FROM_FILE, "OTHER": FROM_ENV, "PLAIN": "x"})
    gathered = gather("web", app, str(tmp_path), {"WEB_TOKEN": "w"})
    assert gathered == Gathered(files=({"A": "1"},), secrets={"TOKEN": "hunter2", "OTHER": "w"})
    assert "hunter2" not in repr(gathered)


def test_everything_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "bad.env").write_text("A=1\noops\n")
    (tmp_path / "nul").write_bytes(b"hun\0ter2")
    nul = SecretValue(secret=Secret(file="nul"))
    app = App(env_file=("bad.env", "none.env"), env={"TOKEN": FROM_FILE, "OTHER": FROM_ENV, "NUL": nul})
    with pytest.raises(BadConfig) as caught:
        gather("web", app, str(tmp_path), {})
    assert [str(fault).replace(f"{tmp_path}/", "") for fault in caught.value.faults] == [
        "bad.env:2:1: expected NAME=VALUE",
        "none.env: cannot be read: no such file or directory",
        "token: apps.web.env.TOKEN: the secret cannot be read: no such file or directory",
        "environment: apps.web.env.OTHER: the variable WEB_TOKEN is not set",
        "nul: apps.web.env.NUL: the secret is longer than 64 KiB or holds a NUL character",
    ]
