import signal

import pytest

from viscript.config.words import address, file_mode, is_http_url, listening, signal_names, signal_number


@pytest.mark.parametrize(
    "text, value",
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)), ("80", ("127.0.0.1", 80)), (":80", ("127.0.0.1", 80)),
        ("[::1]:80", ("::1", 80)), ("host.example:65535", ("host.example", 65535)),
    ],
)  # fmt: skip
def test_addresses_are_read(text: str, value: tuple[str, int]) -> None:
    assert address(text) == value


@pytest.mark.parametrize(
    "text", ["", ":", "host", "host:", "host:0", "host:65536", "::1:80", "a b:80", "h:8a", "h/x:1"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        address(text)


@pytest.mark.parametrize("text", ["TERM", "SIGTERM", "term", "15"])
def test_a_signal_has_many_spellings(text: str) -> None:
    assert signal_number(text) == signal.SIGTERM


@pytest.mark.parametrize("text", ["", "SIG", "TREM", "0", "99", "-1", "1234567", "_IGN"])
def test_what_is_no_signal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        signal_number(text)


def test_signal_names_are_short() -> None:
    assert "TERM" in signal_names()


def test_modes_are_octal() -> None:
    assert [file_mode(text) for text in ("022", "0o27", "77")] == [0o22, 0o27, 0o77]
    with pytest.raises(ValueError, match="octal"):
        file_mode("089")


def test_a_url_needs_scheme_and_host() -> None:
    assert is_http_url("https://h/x?y")
    assert is_http_url("http://127.0.0.1:80")
    assert not is_http_url("http:///x")
    assert not is_http_url("ftp://h")


@pytest.mark.parametrize(
    "text, address",
    [
        ("127.0.0.1:80", "127.0.0.1:80"),
        ("0.0.0.0:080", "0.0.0.0:80"),
        ("[::1]:80", "[::1]:80"),
        ("unix:run/web.sock", "unix:/srv/run/web.sock"),
        ("unix:/run/./web.sock", "unix:/run/web.sock"),
    ],
)
def test_addresses_to_listen_on_are_read(text: str, address: str) -> None:
    assert listening(text, "/srv") == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "80",
        ":80",
        "localhost:80",
        "[::1]",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "unix:",
        "unix:" + "x" * 108,
    ],
)
def test_other_text_is_nothing_to_listen_on(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        listening(text)
