import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viscript.config.fault import BadConfig, Place
from viscript.config.loader import Loaded, check_text, decoded, defaults, load, load_text
from viscript.config.model import After, Check, Config, Secret, SecretValue, success_codes
from viscript.config.overrides import Origin
from viscript.errors import ExitCode

CORPUS = Path(__file__).resolve().parents[2] / "corpus" / "config"
BAD = sorted((CORPUS / "bad").glob("*.yaml"))
GOOD = sorted((CORPUS / "good").glob("*.yaml"))
ALL_TEXTS = [path.read_text(encoding="utf-8") for path in (*BAD, *GOOD)]


def faults_of(bad: BadConfig) -> list[str]:
    return [str(fault) for fault in bad.faults]


def good(name: str) -> Config:
    return load(CORPUS / "good" / f"{name}.yaml", {}).config


def test_the_corpus_is_large_enough() -> None:
    assert len(BAD) >= 60


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_file_is_refused_with_exactly_its_messages(path: Path) -> None:
    expected = path.with_suffix(".expected").read_text(encoding="utf-8").splitlines()
    assert [str(fault) for fault in check_text(path.read_text(encoding="utf-8"), "config.yaml")] == expected


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_file_is_taken(path: Path) -> None:
    assert load(path, {}).file == str(path)


def test_the_block_of_the_seeds_keeps_its_meaning() -> None:
    config = good("seed")
    app = config.apps["meshnet-socks-server"]
    assert app.daemon
    assert app.path == "bin/meshnet/meshnet-run-socks-server"
    assert app.default_args == ()
    assert app.help.startswith("[1] Text name of app, must be unique\n[2] Node")
    assert config.settings.verifyParsingByPrinting
    assert not config.settings.runHeadless
    assert success_codes(app) == ()


def test_words_of_a_command_line_are_passed_on_as_written() -> None:
    app = good("scalars").apps["no"]
    written = ("no", "12:30", "1_000", "2026-01-01", "8080", "1.50", "true", "0x1F", "0o17", "", "-1", "~a")
    assert app.default_args == written
    assert app.env == {
        "PORT": "8080", "DEBUG": "true", "ZIP": "01234", "GONE": None, "EMPTY": "", "RATE": "1e3",
    }  # fmt: skip
    assert (app.desc, app.help, app.umask, app.user) == ("no", "12:30", "022", "1000")


def test_every_key_is_converted() -> None:
    config = good("every-key")
    web = config.apps["web"]
    assert web.env["TOKEN"] == SecretValue(secret=Secret(file="/run/token"))
    assert (web.restart.delay, web.restart.max_delay, web.restart.window) == (0.5, 5400.0, 120.0)
    assert web.rlimits == {"nofile": 4096, "as": 2**30, "core": "unlimited"}
    assert web.ready == Check(log="listening on \\d+", timeout=1.5, retries=1)
    assert web.after == (After(app="db", condition="healthy"), After(app="log", condition="started"))
    assert web.stdin == "null"
    assert web.output.max_bytes == 64 * 1024 * 1024
    assert success_codes(web) == (0, 143)
    assert config.plugins.settings == {"vpn": {"mtu": 1400, "dns": ["1.1.1.1"]}}


def test_a_merge_gives_what_is_not_written_out() -> None:
    apps = good("anchors-and-merge").apps
    assert (apps["b"].path, apps["b"].restart.policy) == ("bin/b", "always")
    assert (apps["c"].restart.delay, apps["c"].restart.policy) == (0.1, "never")


def test_a_file_that_is_not_there_is_one_fault_without_a_place(tmp_path: Path) -> None:
    with pytest.raises(BadConfig) as caught:
        load(tmp_path / "none.yaml", {})
    assert faults_of(caught.value) == [f"{tmp_path}/none.yaml: cannot be read: no such file or directory"]
    assert caught.value.as_verb_error().code is ExitCode.BAD_CONFIG


@pytest.mark.parametrize(
    "data, message",
    [
        (b"apps:\n  a\xff: {}\n", "c.yaml:2:4: byte 0xFF is not UTF-8"),
        (b"x" * (4 * 1024 * 1024 + 1), "c.yaml: larger than 4 MiB"),
    ],
)
def test_bytes_that_are_no_text_are_refused_with_their_place(data: bytes, message: str) -> None:
    with pytest.raises(BadConfig) as caught:
        decoded(data, "c.yaml")
    assert faults_of(caught.value) == [message]


def test_a_byte_order_mark_is_passed_over() -> None:
    assert decoded(b"\xef\xbb\xbfapps: {}\n", "c.yaml") == "apps: {}\n"


def test_a_reference_to_an_app_of_a_plugin_needs_to_know_the_plugins() -> None:
    text = "plugins: {block: [x]}\napps:\n  web: {path: a, needs: [visor]}\n  visor:\n  other:\n"
    with pytest.raises(BadConfig) as caught:
        load_text(text.replace("  visor:\n", ""), "c.yaml")
    assert "no app is called" in str(caught.value)
    with pytest.raises(BadConfig) as caught:
        load_text(text, "c.yaml", known=lambda plugins: {"visor"} if plugins.block == ("x",) else ())
    (fault,) = faults_of(caught.value)
    assert fault.startswith("c.yaml:5:3: apps.other: neither path nor command is given, and no plugin ")


@pytest.mark.parametrize("line", ["command: 5", "comand: [a]", "path: [a]", "command: [a, {b: c}]"])
def test_a_program_at_fault_is_not_told_twice(line: str) -> None:
    with pytest.raises(BadConfig) as caught:
        load_text(f"apps:\n  web: {{{line}}}\n", "c.yaml", known=lambda plugins: ())
    (fault,) = faults_of(caught.value)
    assert "neither path nor command" not in fault


def included(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "config.yaml"


def test_included_files_add_their_apps_and_keep_their_folder(tmp_path: Path) -> None:
    files = {
        "config.yaml": "include: [conf.d/*.yaml, '*.yaml']\napps:\n  a: {path: x, needs: [b]}\n",
        "conf.d/b.yaml": "apps:\n  b: {path: y}\n",
        "conf.d/c.yaml": "# nothing\n",
    }
    loaded = load(included(tmp_path, files), {})
    assert list(loaded.config.apps) == ["a", "b"]
    assert loaded.file_of("b") == str(tmp_path / "conf.d/b.yaml")
    assert loaded.files == tuple(str(tmp_path / name) for name in files)
    assert loaded.place_of("apps.b.path") == Place(str(tmp_path / "conf.d/b.yaml"), 2, 7)


def test_all_faults_of_all_files_are_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "config.yaml": "include: [conf.d/*.yaml]\napps:\n  a: {path: x, deamon: 1}\n",
        "conf.d/a.yaml": "apps:\n  a: {path: y}\n  b: {paht: z}\nsettings: {}\n",
        "conf.d/b.yaml": "apps: {c: [}\n",
        "conf.d/c.yaml": "- x\n",
    }
    included(tmp_path, files)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadConfig) as caught:
        load("config.yaml", {})
    told = faults_of(caught.value)
    assert told.pop(4).startswith("conf.d/b.yaml:1:12: bad YAML: ")
    assert told == [
        'config.yaml:3:16: apps.a.deamon: unknown key (did you mean "daemon"?)',
        "conf.d/a.yaml:2:3: apps.a: this app is already given in config.yaml, line 3",
        'conf.d/a.yaml:3:7: apps.b.paht: unknown key (did you mean "path"?)',
        "conf.d/a.yaml:4:1: settings: an included file may hold apps only",
        "conf.d/c.yaml:1:1: expected a mapping with apps",
    ]


def test_command_line_wins_over_environment_over_file_over_default() -> None:
    text = "logging: {level: debug}\nstore: sqlite:///file\n"
    environ = {"VISCRIPT_LOGGING_LEVEL": "warning", "VISCRIPT_STORE": "sqlite:///env"}
    loaded = load_text(text, "c.yaml", environ)
    assert (loaded.config.logging.level, loaded.config.store.url) == ("warning", "sqlite:///env")
    assert loaded.origin_of("store") == Origin("environment", "VISCRIPT_STORE")
    assert loaded.origin_of("bus.tcp").kind == "default"
    assert load_text(text, "c.yaml").origin_of("logging.level") == Origin("file", "c.yaml:1")
    given = defaults(environ, {"store": "sqlite:///option"})
    assert given.config.store.url == "sqlite:///option"
    assert given.origin_of("store").kind == "command line"


def test_a_wrong_variable_names_itself() -> None:
    with pytest.raises(BadConfig) as caught:
        defaults({"VISCRIPT_LOGGING_LEVEL": "loud"}, {"logging.levl": "info"})
    option, variable = faults_of(caught.value)
    assert option == 'command line: logging.levl: cannot be set here (did you mean "logging.level"?)'
    assert variable.startswith("environment VISCRIPT_LOGGING_LEVEL: logging.level: expected one of debug, ")


def test_a_thousand_apps_load_quickly_enough_to_start_them() -> None:
    block = (
        "  app{n}: {{path: bin/a, daemon: true, autostart: true, restart: {{delay: 1s}}, env: {{N: {n}}}}}\n"
    )
    loaded = load_text("apps:\n" + "".join(block.format(n=n) for n in range(1000)), "c.yaml")
    assert len(loaded.config.apps) == 1000


def outcome(text: str) -> Loaded | None:
    try:
        return load_text(text, "c.yaml")
    except BadConfig as bad:
        faults = bad.faults
    assert faults
    for fault in faults:
        assert fault.line >= 0
        assert str(fault).isprintable()
    return None


@given(st.text(max_size=200))
def test_any_text_is_loaded_or_refused(text: str) -> None:
    outcome(text)


YAMLISH = st.sampled_from(
    [
        "apps:", "\n", "  ", "    ", "- ", ": ", "{", "}", "[", "]", "web", "path", "x", "&a ", "*a", "<<",
        "!!t ", "'", '"', "|", ">", "#", "?", "%", "@", "`", "~", "null", "1e999", ".nan", "env", "needs",
        "ready", "after", "\t", "restart", "delay", "99999999999999999999", "-1", "secret", "file", "---",
        "...", "store", "include",
    ]
)  # fmt: skip


@given(st.lists(YAMLISH, max_size=60).map("".join))
def test_any_heap_of_yaml_words_is_loaded_or_refused(text: str) -> None:
    outcome(text)


@settings(max_examples=300)
@given(st.data())
def test_a_mutated_file_is_loaded_or_refused(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(ALL_TEXTS))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        to = data.draw(st.integers(at, min(len(text), at + 8)))
        text = text[:at] + data.draw(st.one_of(YAMLISH, st.text(max_size=3))) + text[to:]
    outcome(text.replace("*.yaml", "none*"))


@given(st.binary(max_size=200))
def test_any_bytes_are_text_or_refused(data: bytes) -> None:
    try:
        decoded(data, "c.yaml")
    except BadConfig as bad:
        faults = bad.faults
    else:
        return
    assert len(faults) == 1


@pytest.mark.parametrize("text", ALL_TEXTS[:: max(len(ALL_TEXTS) // 12, 1)])
def test_every_truncation_is_loaded_or_refused(text: str) -> None:
    for cut in range(min(len(text), 400)):
        outcome(text[:cut])


def test_a_pipe_can_be_read() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"apps: {}\n")
    os.close(writer)
    try:
        assert load(f"/dev/fd/{reader}", {}).config == Config()
    finally:
        os.close(reader)


@pytest.mark.parametrize(
    "text, names",
    [
        ("", False),
        ("# nothing\n", False),
        ("settings: {}\n", False),
        ("apps:\n", False),
        ("apps: {}\n", True),
    ],
)
def test_a_file_that_lost_its_apps_is_told_from_one_that_says_there_are_none(text: str, names: bool) -> None:
    loaded = load_text(text, "config.yaml")
    assert (loaded.config.apps, loaded.names_apps) == ({}, names)


def test_apps_of_an_included_file_are_apps(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("apps: {web: {path: x}}\n")
    (tmp_path / "config.yaml").write_text("include: [more.yaml]\n")
    assert load(tmp_path / "config.yaml", {}).names_apps
