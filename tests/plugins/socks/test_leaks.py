"""The leak test: through whole nodes, and against ports that are no client's."""

import asyncio
from pathlib import Path

import pytest

from plugins.socks import leaks, mirror
from plugins.socks.destination import NOWHERE
from plugins.socks.leaks import Finding, NoPage, findings, look
from plugins.socks.request import Code, reply
from tests.support.programs import free_port
from tests.support.socks import curl, proxied

PAGE: mirror.Page = {"exit": "aa", "you": "bb", "addresses": ["10.0.0.1"]}


async def test_what_programs_send_comes_out_at_the_exit(short_tmp: Path) -> None:
    async with proxied(short_tmp, server="") as proxy:
        traffic, names, address = await proxy.client.leak_test()
        far = proxy.nodes[1].key.hex()
        assert (traffic["status"], traffic["text"]) == ("pass", f"it leaves at {far[:8]}")
        assert names["status"] == "pass"
        assert address["status"] == "warn"  # both are this host
        for way in (f"socks5h://{proxy.socks}", f"http://{proxy.web}"):
            code, body, said = await curl("-p", "-x", way, mirror.URL)
            assert (code, said) == (0, "")
            assert mirror.parse(b"\r\n\r\n" + body)["you"] == proxy.nodes[0].key.hex()


async def test_a_login_is_shown_as_programs_have_to(short_tmp: Path) -> None:
    login = short_tmp / "login"
    login.write_text("mike:secret")
    async with proxied(short_tmp, client=f"--login {login}") as proxy:
        assert (await proxy.client.leak_test())[0]["status"] == "pass"


async def test_an_exit_that_is_not_there_is_told(short_tmp: Path) -> None:
    async with proxied(short_tmp, client=f"--exit-port {free_port()}") as proxy:
        (found,) = await proxy.client.leak_test()
        assert found["status"] == "fail"
        assert "no socks-server on it" in found["text"]


async def test_an_exit_for_others_is_told(short_tmp: Path) -> None:
    async with proxied(short_tmp, server=f"--allow 58{31 * '66'}") as proxy:
        (found,) = await proxy.client.leak_test()
        assert "lets others out only" in found["text"]


async def answered(answer: bytes | None) -> mirror.Page:
    """What comes of a port that says this; with None it says nothing and stays."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer is not None:
            writer.write(answer)
            writer.write_eof()
        await reader.read()
        writer.close()
        served.set()

    served = asyncio.Event()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        try:
            return await look("127.0.0.1", server.sockets[0].getsockname()[1])
        finally:
            await served.wait()


@pytest.mark.parametrize(
    "answer, why",
    [
        (None, "no answer within"),
        (b"", "it broke before the page came"),
        (b"\x05\x00", "it broke before the page came"),
        (b"\x05\x00HTTP/1.1 ", "a reply of version 72"),
        (b"\x05\x00" + reply(5, Code.TOO_LATE), "the exit says: too late"),
        (b"\x05\x00" + reply(5, Code.NOT_ALLOWED), "older than this client"),
        (b"\x05\x00" + reply(5, Code.DONE, NOWHERE) + b"nonsense", "no page of an exit"),
    ],
)
async def test_what_is_no_exits_page_is_told(
    answer: bytes | None, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaks, "LOOK_S", 0.5 if answer is None else 20.0)
    with pytest.raises(NoPage, match=why):
        await answered(answer)


async def test_a_port_where_nobody_listens_is_told() -> None:
    with pytest.raises(NoPage, match="it broke"):
        await look("127.0.0.1", free_port())


@pytest.mark.parametrize(
    "keys, here, there, statuses",
    [
        (["aa"], ["10.0.0.2"], ["10.0.0.1"], ["pass", "pass", "pass"]),
        (["aa"], [], ["10.0.0.1"], ["pass", "pass", "pass"]),
        (["aa"], ["10.0.0.1"], ["10.0.0.1"], ["pass", "pass", "warn"]),
        (["aa"], ["10.0.0.2"], [], ["pass", "pass", "warn"]),
        (["cc"], ["10.0.0.2"], ["10.0.0.1"], ["fail"]),
    ],
)
def test_a_page_is_judged(keys: list[str], here: list[str], there: list[str], statuses: list[str]) -> None:
    found = findings({"exit": "aa", "you": "bb", "addresses": there}, "", keys, here)
    assert [one.status for one in found] == statuses


def test_no_page_is_a_failure_with_its_reason() -> None:
    assert findings(None, "it rains", ["aa"], []) == [
        Finding("traffic", "fail", "a program gets nothing: it rains")
    ]
