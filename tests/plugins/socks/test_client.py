"""A client and an exit on whole nodes, used by curl."""

import asyncio
from pathlib import Path

import pytest

from components.visor.app import UnknownName
from components.visor.kit.gate import PortError
from plugins.socks import options
from plugins.socks.client import Client
from tests.support.socks import PAGE, curl, proxied, web


@pytest.mark.parametrize("scheme", ["socks4", "socks4a", "socks5", "socks5h"])
async def test_curl_gets_a_page_by_every_kind_of_socks(short_tmp: Path, scheme: str) -> None:
    async with web() as place, proxied(short_tmp) as proxy:
        url = f"http://{place}/"
        if scheme in ("socks4a", "socks5h"):
            url = url.replace("127.0.0.1", "localhost")
        assert await curl("-x", f"{scheme}://{proxy.socks}", url) == (0, PAGE, "")


async def test_curl_gets_a_page_by_http_connect(short_tmp: Path) -> None:
    async with web() as place, proxied(short_tmp) as proxy:
        assert await curl("-p", "-x", f"http://{proxy.web}", f"http://{place}/") == (0, PAGE, "")
        assert (await curl("-x", f"http://{proxy.web}", f"http://{place}/"))[1] == b""  # no plain proxy


async def test_curl_reaches_an_address_of_ipv6(short_tmp: Path) -> None:
    async with web("::1") as place, proxied(short_tmp) as proxy:
        assert await curl("-x", f"socks5h://{proxy.socks}", f"http://{place}/") == (0, PAGE, "")
        assert await curl("-p", "-x", f"http://{proxy.web}", f"http://{place}/") == (0, PAGE, "")


@pytest.mark.parametrize("count", [1, 8, 64])
async def test_downloads_at_the_same_time_are_all_whole(short_tmp: Path, count: int) -> None:
    async with web() as place, proxied(short_tmp) as proxy:
        word = "socks5://" + proxy.socks
        got = await asyncio.gather(*(curl("-x", word, f"http://{place}/") for _ in range(count)))
        assert got == [(0, PAGE, "")] * count
        figures = await proxy.client.status()
        assert figures["served"] + figures["open"] == count


async def test_fifty_downloads_one_after_the_other_are_all_whole(short_tmp: Path) -> None:
    async with web() as place, proxied(short_tmp) as proxy:
        url = f"http://{place}/"
        urls = [word for _ in range(50) for word in ("-H", "Connection: close", url)]
        assert await curl("-x", f"socks5://{proxy.socks}", *urls) == (0, PAGE * 50, "")


async def test_an_exit_goes_by_its_label_or_its_first_digits_and_nobody_is_told_at_the_start(
    short_tmp: Path,
) -> None:
    async with web() as place, proxied(short_tmp, client="--peer mike") as proxy:
        near, far = proxy.nodes
        assert proxy.client.exits.keys == [far.key.hex()]
        assert await curl("-x", f"socks5://{proxy.socks}", f"http://{place}/") == (0, PAGE, "")
        words = ["in", str(near.options.app_socket), "--listen", "127.0.0.1:0", "--http", "off", "--peer"]
        with pytest.raises(UnknownName, match="'joe'"):
            await Client(options.client([*words, "joe"])).run(lambda told: None)


async def test_a_port_that_is_taken_is_told_at_the_start(short_tmp: Path) -> None:
    async with web() as place:
        client = Client(options.client(["in", str(short_tmp / "none"), "--listen", place, "--http", "off"]))
        with pytest.raises(PortError, match="another program has it"):
            await client.run(lambda told: None)
