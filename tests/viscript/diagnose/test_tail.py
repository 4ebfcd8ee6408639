from pathlib import Path

from tests.support.fake_world import entry, instance
from tests.support.log_folder import SECOND, START_NS, LogFolder
from viscript.config.model import Secret, SecretValue
from viscript.diagnose.tail import LINE_MAX, LINES, last_lines


def written(
    folder: Path, *blocks: bytes, env: dict[str, str | SecretValue | None] | None = None
) -> tuple[str, ...]:
    log = LogFolder(folder / "7-web")
    for block in blocks:
        log.write(block)
    log.close()
    app = instance(7, "web", entry=entry("web", env=env or {}), log_dir=log.path)
    return last_lines(app, START_NS / SECOND, {"GIVEN": "canary-in-environ"})


def test_control_characters_are_gone(tmp_path: Path) -> None:
    assert written(tmp_path, b"\x1b[2J\x1b]0;title\x07\x1b[31mred\r\n") == ("red",)


def test_secrets_are_hidden(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary-in-a-file\n")
    lines = written(
        tmp_path,
        b"with canary-in-env\nand canary-in-a-file\nand canary-in-environ\npassword=canary-by-name\n",
        env={
            "API_TOKEN": "canary-in-env",
            "FILE": SecretValue(secret=Secret(file=str(secret))),
            "VARIABLE": SecretValue(secret=Secret(env="GIVEN")),
            "MISSING": SecretValue(secret=Secret(file=str(tmp_path / "none"))),
            "REMOVED": None,
            "PLAIN": "and",
        },
    )
    assert len(lines) == 4
    assert not any("canary" in line for line in lines)
    assert lines[1].startswith("and ")


def test_a_secret_cut_by_a_control_sequence_is_hidden(tmp_path: Path) -> None:
    (line,) = written(tmp_path, b"cana\x1b[0mry-in-env\n", env={"API_TOKEN": "canary-in-env"})
    assert "canary" not in line


def test_a_secret_of_several_lines_is_hidden(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary-one\ncanary-two\n")
    env: dict[str, str | SecretValue | None] = {"KEY": SecretValue(secret=Secret(file=str(secret)))}
    assert written(tmp_path, b"canary-one\ncanary-two\nme\n", env=env) == ("(hidden)", "(hidden)", "me")


def test_a_secret_among_the_arguments_is_hidden_however_it_is_printed(tmp_path: Path) -> None:
    log = LogFolder(tmp_path / "7-web")
    log.write(b"argv ['--password', 'canary-1', '--api-key=canary-2', 'plain']\n")
    log.close()
    argv = ("web", "--password", "canary-1", "--api-key=canary-2", "plain")
    (line,) = last_lines(instance(7, "web", argv=argv, log_dir=log.path), START_NS / SECOND, {})
    assert "canary" not in line
    assert "plain" in line


def test_they_are_bounded(tmp_path: Path) -> None:
    lines = written(tmp_path, b"x" * 9999 + b"\n", b"y\n" * 99)
    assert len(lines) == LINES
    (long,) = written(tmp_path / "2", b"x" * 9999)
    assert len(long) == LINE_MAX


def test_earlier_runs_are_left_out(tmp_path: Path) -> None:
    log = LogFolder(tmp_path)
    log.write(b"early\n", at_ns=START_NS)
    log.write(b"late\n", at_ns=START_NS + 5 * SECOND)
    log.close()
    app = instance(7, "web", log_dir=log.path)
    assert last_lines(app, START_NS / SECOND + 5, {}) == ("late",)
    assert last_lines(app, None, {}) == ("early", "late")


def test_no_folder_has_no_lines(tmp_path: Path) -> None:
    assert last_lines(instance(7, "web"), None, {}) == ()
    assert last_lines(instance(7, "web", log_dir=str(tmp_path / "none")), None, {}) == ()
