"""Apps of the pipe protocol: their command line, and what they need."""

import sys

import pytest

from viscript.config.model import App, Check, Config, Pipe
from viscript.supervisor import piped

HOST = (sys.executable, "-P", "-m", "components.visor.pipe")


@pytest.mark.parametrize(
    "pipe, words",
    [
        (True, ("--port", "0")),
        (
            Pipe(port=1, name="skychat", version="1.0"),
            ("--port", "1", "--name", "skychat", "--version", "1.0"),
        ),
        (Pipe(port=10, log_arg=False, raw=True), ("--port", "10", "--raw", "--no-log-arg")),
    ],
)
def test_a_host_stands_before_the_command(pipe: Pipe | bool, words: tuple[str, ...]) -> None:
    command = piped.command(App(pipe=pipe), ["/bin/skychat", "-addr", ":8000"])
    assert command == [*HOST, *words, "--", "/bin/skychat", "-addr", ":8000"]


def test_any_other_command_stays_as_it_is() -> None:
    assert piped.command(App(), ["/bin/true"]) == ["/bin/true"]


@pytest.mark.parametrize(
    "app, needs",
    [
        (App(needs=("db",)), ("db",)),
        (App(pipe=True), ("visor",)),
        (App(pipe=Pipe(port=1), needs=("db",)), ("visor", "db")),
        (App(pipe=True, needs=("db", "visor")), ("db", "visor")),
        (App(pipe=True, env={"VISCRIPT_VISOR": "/elsewhere"}), ()),
    ],
)
def test_a_visor_is_needed_without_a_word(app: App, needs: tuple[str, ...]) -> None:
    assert piped.meant(app).needs == needs


def test_it_has_started_when_it_has_said_who_it_is() -> None:
    own = Check(log="ready")
    assert piped.meant(App(pipe=True)).ready == Check(signal=True)
    assert piped.meant(App(pipe=True, ready=own)).ready == own
    assert piped.meant(App()) == App()


def test_a_configuration_is_compared_with_what_goes_without_saying() -> None:
    plain = Config(apps={"web": App(path="web")})
    assert piped.all_meant(plain) is plain
    config = Config(apps={"web": App(path="web"), "chat": App(path="chat", pipe=True)})
    meant = piped.all_meant(config)
    assert meant.apps == {"web": App(path="web"), "chat": piped.meant(config.apps["chat"])}
    assert piped.all_meant(meant) == meant
