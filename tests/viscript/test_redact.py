import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.config.loader import load_text
from viscript.redact import (
    HIDDEN,
    hide_values,
    holds_secret,
    is_secret_name,
    redact_args,
    redact_command,
    redact_data,
    redact_env,
    redact_text,
    redacted,
)

CANARY = "hunter2canary"


@pytest.mark.parametrize(
    "name", ["TOKEN", "api_token", "DB_PASSWORD", "AWS_SECRET_ACCESS", "SshKey", "passphrase"]
)
def test_secret_names_are_known_in_any_case(name: str) -> None:
    assert is_secret_name(name)


def test_ordinary_names_are_shown() -> None:
    assert not any(map(is_secret_name, ("PATH", "HOME", "PORT", "LANG", "PASS_COUNT")))
    assert redact_env({"PATH": "/bin", "GONE": None, "TOKEN": "", "KEY": None})["PATH"] == "/bin"


def test_values_of_secret_names_and_passwords_in_urls_are_hidden() -> None:
    env = redact_env({"API_TOKEN": CANARY, "DATABASE_URL": f"postgres://bob:{CANARY}@db/x"})
    assert env == {"API_TOKEN": HIDDEN, "DATABASE_URL": f"postgres://{HIDDEN}@db/x"}


@pytest.mark.parametrize(
    "args",
    [
        ("--password", CANARY), (f"--token={CANARY}",), (f"API_KEY={CANARY}",), ("-e", f"TOKEN={CANARY}"),
        (f"http://u:{CANARY}@h/",), ("x", "--api-key", CANARY, "y"),
    ],
)  # fmt: skip
def test_a_command_line_hides_its_secrets(args: tuple[str, ...]) -> None:
    shown = redact_args(args)
    assert CANARY not in " ".join(shown)
    assert len(shown) == len(args)


def test_an_option_after_a_secret_one_is_shown() -> None:
    assert redact_args(("--token", "--verbose", "x")) == ("--token", "--verbose", "x")


@pytest.mark.parametrize(
    "line",
    [
        f"s web token={CANARY}", f"s web --password {CANARY}", f"s web --api-key='{CANARY} x'",
        f'rpc 7 login {{"password": "{CANARY}"}}', f"s web http://u:{CANARY}@host/x",
        f"curl https://h/?a=b&token={CANARY}", f"Authorization-Token: {CANARY}",
        f"s -e DB_PASSWORD={CANARY} web", f"export SECRET={CANARY}; ru 7",
        f"host join {CANARY}", f"viscript host  join {CANARY} --no-wait",
    ],
)  # fmt: skip
def test_a_typed_line_hides_its_secrets(line: str) -> None:
    assert CANARY not in redact_text(line)
    assert holds_secret(line)


@pytest.mark.parametrize(
    "line", ["ping 7", "s apptracker 127.0.0.1:20000", "log 7 --grep key", "http://h/x@y", ""]
)
def test_an_ordinary_line_is_kept(line: str) -> None:
    assert redact_text(line) == line


def test_known_secrets_are_hidden_wherever_they_stand() -> None:
    assert (
        hide_values("a hunter2! hunter2x abc", ["hunter2", "hunter2x", "abc"]) == f"a {HIDDEN}! {HIDDEN} abc"
    )


def test_data_of_any_depth_is_hidden() -> None:
    data = {
        "a": [{"token": CANARY}, f"--key={CANARY}"],
        "keys": {"x": 1},
        "secret": None,
        "args": ["--pw", "x"],
    }
    shown = redact_data(data)
    assert CANARY not in str(shown)
    assert shown["keys"] == {"x": 1}
    assert shown["secret"] is None


def test_a_configuration_shows_no_secret_and_keeps_the_rest() -> None:
    text = f"""
apps:
  keycloak:
    command: [run, --password, {CANARY}]
    default_args: ['token={CANARY}', plain]
    env:
      API_TOKEN: {CANARY}
      URL: http://u:{CANARY}@h/
      FILE: {{secret: {{file: /run/{CANARY}}}}}
      LANG: C
plugins: {{settings: {{chat: {{password: {CANARY}, rooms: 5}}}}}}
store: {{url: 'etcd://h:2379', user: u, password: {CANARY}}}
"""
    shown = redacted(load_text(text, "c.yaml").config)
    assert CANARY not in str(shown)
    app = shown["apps"]["keycloak"]
    assert app["env"]["LANG"] == "C"
    assert app["default_args"][1] == "plain"
    assert shown["plugins"]["settings"]["chat"]["rooms"] == 5


@given(st.text(max_size=300))
def test_any_line_can_be_redacted_again_without_a_change(line: str) -> None:
    assert isinstance(redact_text(line), str)
    redact_args(line.split())


def test_a_long_line_takes_no_time() -> None:
    redact_text("key" * 20_000)
    redact_text("a" * 60_000 + "://")
    redact_text("--" + "token " * 10_000)


def test_redacting_text_imports_nothing_heavy() -> None:
    code = "import sys, viscript.redact; print('msgspec' in sys.modules or 'yaml' in sys.modules)"
    run = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


def test_a_secret_option_and_its_value_may_stand_apart() -> None:
    assert redact_command(("web", "--token"), ("canary", "x")) == (("web", "--token"), ("(hidden)", "x"))
    assert redact_command(("web",), ()) == (("web",), ())
