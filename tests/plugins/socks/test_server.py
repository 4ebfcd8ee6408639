"""An exit on a whole node: who may use it, and where it goes."""

from pathlib import Path

import pytest

from components.visor.app import Misuse
from plugins.socks import options
from plugins.socks.server import Server
from tests.support.nodes import until
from tests.support.socks import PAGE, curl, proxied, web

KEY = "58" + 31 * "66"


async def test_private_addresses_are_refused_by_default(short_tmp: Path) -> None:
    async with web() as place, proxied(short_tmp, server="") as proxy:
        for scheme in ("socks4", "socks5", "socks5h"):
            code, body, _ = await curl("-x", f"{scheme}://{proxy.socks}", f"http://{place}/")
            assert (code, body) == (97, b"")
        code, body, said = await curl("-p", "-x", f"http://{proxy.web}", f"http://{place}/")
        assert body == b""
        assert "403" in said
        assert proxy.server.status()["refused"] == 4
        assert proxy.server.status()["served"] == 0


async def test_a_key_that_is_not_on_the_list_gets_nothing(short_tmp: Path) -> None:
    async with web() as place, proxied(short_tmp, server=f"--allow-private --allow {KEY}") as proxy:
        code, body, _ = await curl("-x", f"socks5://{proxy.socks}", f"http://{place}/")
        assert code != 0
        assert body == b""
        assert (await curl("-p", "-x", f"http://{proxy.web}", f"http://{place}/"))[1] == b""
        assert proxy.server.status()["refused"] == 2


async def test_both_ends_count_the_same_bytes_but_for_request_and_reply(short_tmp: Path) -> None:
    async with web() as place, proxied(short_tmp) as proxy:
        await curl("-p", "-x", f"http://{proxy.web}", f"http://{place}/")
        await until(lambda: proxy.server.status()["served"] and proxy.client.status()["served"])
        out, used = proxy.server.status(), proxy.client.status()
        assert out["received_bytes"] == used["received_bytes"] - 10 >= len(PAGE)
        assert out["sent_bytes"] == used["sent_bytes"] - 10
        assert used["visor"] is True
        assert out["port"] == 3


def test_a_key_that_is_none_is_told_at_the_start() -> None:
    with pytest.raises(Misuse, match="no public key"):
        Server(options.server(["--allow", "mike"]))
