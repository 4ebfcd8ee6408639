import pytest

from viscript.config.model import App, Argument, Check
from viscript.diagnose.wanted import Wanted, Weight, wanted


def ports(*words: str, spec: App | None = None, lines: tuple[str, ...] = (), **environ: str) -> list[int]:
    argv = ("app", *words)
    return [one.port for one in wanted(spec or App(), argv, words, environ, lines)]


@pytest.mark.parametrize(
    "words",
    [
        ("--port", "8000"),
        ("--port=8000",),
        ("-p", "8000"),
        ("-p8000",),
        ("-addr", ":8000"),
        ("--listen=127.0.0.1:8000",),
        ("--bind", "[::1]:8000"),
        ("127.0.0.1:8000",),
        (":8000",),
        ("8000",),
        ("tcp://0.0.0.0:8000",),
        ("-m", "http.server", "8000"),
    ],
)
def test_command_lines_tell_ports(words: tuple[str, ...]) -> None:
    assert ports(*words) == [8000]


@pytest.mark.parametrize(
    "words",
    [
        ("--db", "localhost:5432"),
        ("--database-url=postgres://db:5432/x",),
        ("postgres://db:5432/x",),
        ("--upstream=10.0.0.1:80",),
        ("--redis-port", "6379"),
        ("--port", "70000"),
        ("--port", "many"),
        ("999999999999999999999",),
        ("http://[bad",),
    ],
)
def test_the_other_side_of_a_connection_is_not_wanted(words: tuple[str, ...]) -> None:
    assert ports(*words) == []


def test_the_environment_tells_ports() -> None:
    assert ports(PORT="8000", APP_PORT="8001", DB_PORT="5432", LISTEN_ADDR=":8002", HOME="/x") == [
        8000,
        8001,
        8002,
    ]


def test_what_it_said_comes_before_its_check_before_its_options() -> None:
    spec = App(ready=Check(tcp="127.0.0.1:8001"), args=(Argument(name="listen", type="address"),))
    found = wanted(
        spec,
        ("app", "10.0.0.1:8002", "8004"),
        ("10.0.0.1:8002", "8004"),
        {"PORT": "8003"},
        ("listening on 127.0.0.1:8005", "listen tcp :8000: address already in use"),
    )
    assert found == [
        Wanted(8000, None, Weight.SAID),
        Wanted(8001, None, Weight.OWN),
        Wanted(8002, "10.0.0.1", Weight.NAMED),
        Wanted(8003, None, Weight.NAMED),
        Wanted(8004, None, Weight.LOOSE),
        Wanted(8005, "127.0.0.1", Weight.LOOSE),
    ]


def test_a_check_by_http_has_a_port_even_unsaid() -> None:
    assert ports(spec=App(health=Check(http="http://localhost/healthz"))) == [80]
    assert ports(spec=App(health=Check(http="http://localhost:9000/healthz"))) == [9000]
