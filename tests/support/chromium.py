"""Headless Chromium, driven by its own protocol over a WebSocket: pages, clicks, pictures.

    async with chromium() as browser:
        page = await browser.page()
        await page.goto("http://127.0.0.1:8000/")
        await page.click("#add")
        assert await page.js("document.title") == "Chat"

Each page has a browser context of its own, so cookies are not shared. No driver is needed besides Debian's
`chromium`.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import aiohttp

START_S: Final = 60.0
ASK_S: Final = 30.0
_FLAGS: Final = (
    "--headless=new",
    "--no-sandbox",  # tests run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--remote-debugging-port=0",
)
Data = dict[str, Any]  # Any: JSON


class PageError(Exception):
    """The page or the browser says no."""


class Browser:
    """One process. Messages carry the session of a page; events are kept by the page."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Data]] = {}
        self._pages: dict[str, Page] = {}

    async def read(self) -> None:
        """Hand out what the browser says, until it hangs up."""
        async for message in self._socket:
            data = json.loads(message.data)
            asked = self._asked.pop(data.get("id", 0), None)
            if asked is not None and not asked.done():
                asked.set_result(data)
            elif "method" in data and data.get("sessionId") in self._pages:
                self._pages[data["sessionId"]].events.append(data)

    async def ask(self, method: str, session: str = "", **params: object) -> Data:
        """What the browser answers. Raises `PageError`."""
        number = next(self._ids)
        reply = self._asked[number] = asyncio.get_running_loop().create_future()
        whole: Data = {"id": number, "method": method, "params": params}
        if session:
            whole["sessionId"] = session
        await self._socket.send_json(whole)
        async with asyncio.timeout(ASK_S):
            data = await reply
        if "error" in data:
            raise PageError(f"{method}: {data['error']['message']}")
        found: Data = data["result"]
        return found

    async def page(self, width: int = 1100, height: int = 760) -> Page:
        """A new page, with cookies of its own."""
        context = (await self.ask("Target.createBrowserContext"))["browserContextId"]
        target = await self.ask(
            "Target.createTarget", url="about:blank", browserContextId=context, width=width, height=height
        )
        attached = await self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = self._pages[attached["sessionId"]] = Page(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Network", "Log"):
            await page.ask(f"{domain}.enable")
        await page.size(width, height)
        return page


class Page:
    """One page."""

    def __init__(self, browser: Browser, session: str) -> None:
        self.events: list[Data] = []
        self._browser = browser
        self._session = session

    async def ask(self, method: str, **params: object) -> Data:
        """What the page answers. Raises `PageError`."""
        return await self._browser.ask(method, self._session, **params)

    async def size(self, width: int, height: int) -> None:
        """Of the window."""
        await self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    async def theme(self, name: str) -> None:
        """`light` or `dark`."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        await self.ask("Emulation.setEmulatedMedia", features=features)

    async def goto(self, url: str) -> None:
        """Open an address, and wait until all of it is loaded."""
        self.events.clear()
        answer = await self.ask("Page.navigate", url=url)
        if "errorText" in answer:
            raise PageError(f"{url}: {answer['errorText']}")
        await self.until("document.readyState === 'complete'")

    async def js(self, expression: str) -> Any:  # Any: JSON
        """The value of an expression; a promise is awaited. Raises `PageError`."""
        answer = await self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise PageError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    async def until(self, expression: str, deadline_s: float = 30.0) -> Any:  # Any: as above
        """The value of an expression once it is true."""
        value = None
        try:
            async with asyncio.timeout(deadline_s):
                while not (value := await self.js(expression)):
                    await asyncio.sleep(0.02)
        except TimeoutError as exc:
            shown = await self.js("document.body.innerText")
            raise PageError(f"never: {expression}; the page shows: {shown}") from exc
        return value

    async def click(self, selector: str) -> None:
        """Press the mouse on an element, once it can be seen."""
        place = json.dumps(selector)
        box = await self.until(
            f"(() => {{ const e = document.querySelector({place});"
            " if (!e || !e.getClientRects().length) return null; e.scrollIntoView({block: 'nearest'});"
            " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.ask(
                "Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1
            )

    async def type(self, text: str) -> None:
        """Type where the focus is."""
        await self.ask("Input.insertText", text=text)

    async def key(self, name: str, *, shift: bool = False) -> None:
        """Press one key: Enter, Tab, Escape."""
        codes = {"Enter": (13, "\r"), "Tab": (9, ""), "Escape": (27, ""), "Space": (32, " ")}
        code, text = codes[name]
        whole = {
            "key": " " if name == "Space" else name,
            "code": name,
            "windowsVirtualKeyCode": code,
            "modifiers": 8 if shift else 0,
        }
        await self.ask("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **whole)
        await self.ask("Input.dispatchKeyEvent", type="keyUp", **whole)

    async def picture(self, path: Path) -> None:
        """What is seen, as a PNG file."""
        answer = await self.ask("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(answer["data"]))

    def requests(self) -> list[str]:
        """The addresses that were asked for since `goto`."""
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def faults(self) -> list[str]:
        """What the console of the page complains of, and scripts that failed."""
        found = [
            event["params"]["entry"]["text"]
            for event in self.events
            if event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error"
        ]
        return found + [
            str(event["params"]["exceptionDetails"])
            for event in self.events
            if event["method"] == "Runtime.exceptionThrown"
        ]


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser with an empty profile; nothing of it is left after the block."""
    program = shutil.which("chromium")
    assert program is not None, "Debian's package chromium is missing; `boot.py test` installs it in CI"
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            program,
            *_FLAGS,
            f"--user-data-dir={profile}",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "HOME": profile, "XDG_CONFIG_HOME": profile, "XDG_CACHE_HOME": profile},
            start_new_session=True,
        )
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(await _address(process), max_msg_size=0) as socket,
                asyncio.TaskGroup() as group,
            ):
                browser = Browser(socket)
                reading = group.create_task(browser.read())
                yield browser
                reading.cancel()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.communicate()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    said = ""
    async with asyncio.timeout(START_S):
        while line := (await process.stderr.readline()).decode(errors="replace"):
            said += line
            if line.startswith("DevTools listening on "):
                return line.split()[-1]
    raise PageError(f"chromium ended: {said}")
