"""The chat's page in a browser: Mike and Joe, foreign markup, the keyboard, both themes, a narrow window."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.chats import Party, two
from tests.support.chromium import Page, chromium

MARKUP = (
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "<svg/onload=window.hacked=1>",
    "<iframe srcdoc='<script>parent.hacked = 1</script>'></iframe>",
    "<a href='javascript:window.hacked = 1'>press</a>",
    "<body onload=window.hacked=1>",
    "<details open ontoggle=window.hacked=1>",
    "<style>* { display: none }</style>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:1/'>",
    "<base href='http://127.0.0.1:1/'>",
    "<form action='http://127.0.0.1:1/'><button>x</button></form>",
    "</li></ol><h1>out of the list</h1>",
    "</script><script>window.hacked = 1</script>",
    "\"><script>window.hacked = 1</script>",
    "' onmouseover='window.hacked = 1",
    "javascript:window.hacked=1",
    "{{7*7}} ${7*7} <%= 7*7 %>",
    "&lt;script&gt;window.hacked = 1&lt;/script&gt;",
    "<math><mtext><table><mglyph><style><img src onerror=window.hacked=1>",
    "\u202e<script>window.hacked = 1</script>",
    "data: {\"sender\": \"x\"}\n\nevent: row\ndata: {}\n\n",
    "<ScRiPt >window.hacked = 1</sCrIpT>",
    "\x00<script>window.hacked = 1</script>",
    "[x](javascript:window.hacked=1)",
)  # fmt: skip
CONTRAST = """(() => {
  const number = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255)
      .map((v) => (v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4));
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if (!color.startsWith('rgba(0, 0, 0, 0')) return number(color);
    }
    return [255, 255, 255];
  };
  const bad = [];
  for (const e of document.querySelectorAll('h1,h2,p,button,bdi,span,.text,label,li')) {
    if (!e.getClientRects().length || !e.textContent.trim()) continue;
    const [one, other] = [light(number(getComputedStyle(e).color)), light(ground(e))].sort((a, b) => b - a);
    if ((one + .05) / (other + .05) < 4.5) bad.push(`${e.tagName} ${e.className}: ${e.textContent}`);
  }
  return bad;
})()"""
UNNAMED = """[...document.querySelectorAll('button, input, textarea, [role=region], nav, dialog')]
  .filter((e) => !(e.innerText || '').trim() && !e.getAttribute('aria-label')
    && !e.getAttribute('aria-labelledby') && !(e.labels && e.labels.length) && e.getClientRects().length)
  .map((e) => e.outerHTML)"""
SHOWN = "[...document.querySelectorAll('#texts .text')].map((e) => e.textContent)"


async def sign_in(page: Page, party: Party) -> None:
    await page.goto(party.link())
    await page.until(
        "!document.querySelector('#chat').hidden && document.querySelector('#own').innerText !== ''"
    )


async def write(page: Page, text: str) -> None:
    await page.click("#text")
    await page.type(text)
    await page.key("Enter")


async def shows(page: Page, *texts: str) -> None:
    await page.until(f"JSON.stringify({SHOWN}) === JSON.stringify({list(texts)!r})")


@asynccontextmanager
async def browsers(folder: Path) -> AsyncIterator[tuple[Party, Page, Party, Page]]:
    """Mike and Joe, each signed in to his own node, who call each other by name."""
    async with two(folder) as (mike, joe), chromium() as browser:
        mike.node.book.name(joe.node.key, "joe")
        joe.node.book.name(mike.node.key, "mike")
        at_mike, at_joe = await browser.page(), await browser.page(360, 640)
        await sign_in(at_mike, mike)
        await sign_in(at_joe, joe)
        yield mike, at_mike, joe, at_joe


async def begin(page: Page, who: str) -> None:
    await page.click("#add")
    await page.type(who)
    await page.click("#new button[type=submit]")
    await page.until("!document.querySelector('#new').open")


async def test_mike_and_joe_talk_and_see_how_far_each_text_came(short_tmp: Path) -> None:
    async with browsers(short_tmp) as (mike, at_mike, joe, at_joe):
        await begin(at_joe, "mike")
        await write(at_joe, "Hello Mike!")
        await at_mike.until("document.title === '(1) Chat'")
        await at_mike.click("#talks button")
        await shows(at_mike, "Hello Mike!")
        await at_mike.until("document.title === 'Chat'")
        await at_joe.until("document.querySelector('.mine .when').innerText.endsWith('read')")
        await write(at_mike, "Hello Joe!")
        await shows(at_joe, "Hello Mike!", "Hello Joe!")
        await write(at_joe, "System is working!")
        for page in (at_mike, at_joe):
            await shows(page, "Hello Mike!", "Hello Joe!", "System is working!")
        for page, party in ((at_mike, mike), (at_joe, joe)):
            assert page.faults() == []
            assert {urlsplit(url).netloc for url in page.requests()} == {urlsplit(party.page).netloc}


async def test_what_others_write_is_text_whatever_it_holds(short_tmp: Path) -> None:
    async with browsers(short_tmp) as (mike, at_mike, joe, _):
        for text in MARKUP:
            await joe.chat.say(mike.key, text)
        await joe.chat.room("<b>tea</b>", [mike.key])
        await joe.chat.say("<b>tea</b>", MARKUP[0])
        mike.node.book.name(joe.node.key, "joe")
        await at_mike.until("document.querySelectorAll('#talks button').length === 2")
        assert "<b>tea</b>" in await at_mike.js("document.querySelector('#talks').innerText")
        await at_mike.click("#talks li:last-child button")
        await at_mike.until(f"{SHOWN}.length === {len(MARKUP)}")
        assert await at_mike.js(SHOWN) == list(MARKUP)
        assert await at_mike.js("window.hacked === undefined")
        assert (
            await at_mike.js(
                "document.querySelectorAll('#texts script, #texts img, #texts a, iframe').length"
            )
            == 0
        )
        assert at_mike.faults() == []


async def test_who_is_not_signed_in_sees_nobodys_texts(short_tmp: Path) -> None:
    async with two(short_tmp) as (mike, joe), chromium() as browser:
        await joe.chat.say(mike.key, "secret")
        page = await browser.page()
        await page.goto(f"{mike.page}/")
        await page.until("!document.querySelector('#signed-out').hidden")
        assert "viscript chat page" in await page.js("document.body.innerText")
        link = mike.link()
        await sign_in(page, mike)
        other = await browser.page()
        await other.goto(link)
        await other.goto(link)
        assert "was used" in await other.js("document.body.innerText")


async def test_a_foreign_page_can_neither_write_nor_read_nor_frame(short_tmp: Path) -> None:
    async with two(short_tmp) as (mike, joe), chromium() as browser:
        page = await browser.page()
        await sign_in(page, mike)
        await page.goto(f"{joe.page}/chat.css")  # another origin, in a browser that is signed in to Mike's
        post = "{method: 'POST', credentials: 'include', body: '{}'}"
        blind = "{method: 'POST', mode: 'no-cors', credentials: 'include', body: '{}'}"
        tries = (
            f"fetch('{mike.page}/message', {post})",
            f"fetch('{mike.page}/message', {blind}).then((answer) => answer.json())",
            f"fetch('{mike.page}/talks', {{credentials: 'include'}})",
        )
        for attempt in tries:
            assert await page.js(f"{attempt}.then(() => 'done', () => 'refused')") == "refused"
        assert await mike.chat.talks() == []


async def test_all_of_it_works_by_keyboard(short_tmp: Path) -> None:
    async with browsers(short_tmp) as (mike, at_mike, joe, _):
        await joe.chat.say(mike.key, "Hello Mike!")
        await at_mike.until("document.querySelectorAll('#talks button').length === 1")
        await at_mike.js("document.activeElement.blur()")
        for _step in range(10):
            await at_mike.key("Tab")
            if await at_mike.js("!!document.activeElement.dataset.talk"):
                break
        await at_mike.key("Enter")
        await at_mike.until("document.activeElement.id === 'text'")
        await at_mike.type("one")
        await at_mike.key("Enter", shift=True)
        await at_mike.type("two")
        await at_mike.key("Enter")
        await shows(at_mike, "Hello Mike!", "one\ntwo")
        await at_mike.js("document.querySelector('#add').focus()")
        await at_mike.key("Enter")
        await at_mike.until("document.activeElement.id === 'who'")
        await at_mike.key("Escape")
        await at_mike.until("!document.querySelector('#new').open")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_letters_can_be_read_and_what_can_be_pressed_has_a_name(short_tmp: Path, theme: str) -> None:
    async with browsers(short_tmp) as (_, at_mike, _, at_joe):
        await begin(at_mike, "joe")
        await write(at_mike, "Hello Joe!")
        await at_joe.until("document.querySelectorAll('#talks button').length === 1")
        for page in (at_mike, at_joe):
            await page.theme(theme)
            assert await page.js(CONTRAST) == []
            assert await page.js(UNNAMED) == []
        await at_joe.click("#talks button")
        await shows(at_joe, "Hello Joe!")
        for page in (at_mike, at_joe):
            assert await page.js(CONTRAST) == []
            assert await page.js("document.documentElement.scrollWidth <= innerWidth")
            await page.click("#back" if page is at_joe else "#add")
            assert await page.js(CONTRAST) == []


async def test_a_page_whose_chat_was_away_shows_all_that_came_meanwhile(short_tmp: Path) -> None:
    async with browsers(short_tmp) as (mike, at_mike, joe, _):
        await begin(at_mike, "joe")
        await joe.chat.say(mike.key, "one")
        await shows(at_mike, "one")
        await at_mike.ask(
            "Network.emulateNetworkConditions",
            offline=True,
            latency=0,
            downloadThroughput=0,
            uploadThroughput=0,
        )
        await write(at_mike, "lost?")
        await at_mike.until("document.querySelector('#notice').innerText.includes('does not answer')")
        assert await at_mike.js("document.querySelector('#text').value") == "lost?"
        await joe.chat.say(mike.key, "two")
        async with asyncio.timeout(20):
            while len(await mike.texts(joe)) < 2:
                await asyncio.sleep(0.02)
        for follower in tuple(mike.chat.desk.feed._followers):
            follower._is_cut = True
            follower._came.set()
        await at_mike.ask(
            "Network.emulateNetworkConditions",
            offline=False,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )
        await at_mike.click("#text")
        await at_mike.key("Enter")
        await shows(at_mike, "one", "two", "lost?")


async def test_a_room_is_made_and_left_on_the_page(short_tmp: Path) -> None:
    async with browsers(short_tmp) as (mike, at_mike, _, at_joe):
        await at_mike.click("#add")
        await at_mike.type(f"joe {mike.key}")
        await at_mike.click("#name")
        await at_mike.type("tea")
        await at_mike.click("#new button[type=submit]")
        await at_mike.until("document.querySelector('#title').innerText === 'tea'")
        assert (
            await at_mike.js("document.querySelector('#subtitle').innerText.split(', ').sort().join()")
            == "joe,you"
        )
        await write(at_mike, "Who is there?")
        await at_joe.click("#talks button")
        await shows(at_joe, "Who is there?")
        assert await at_joe.js("document.querySelector('#texts .who').innerText") == "mike"
        await at_joe.js("window.confirm = () => true")
        await at_joe.click("#leave")
        await at_joe.until("document.querySelector('#write').hidden")
        await at_mike.until("document.querySelector('#texts .note')?.innerText === 'joe left the room'")


async def test_a_name_that_means_nobody_is_told_where_it_was_written(short_tmp: Path) -> None:
    async with browsers(short_tmp) as (_, at_mike, _, _):
        await at_mike.click("#add")
        await at_mike.type("nobody")
        await at_mike.click("#new button[type=submit]")
        await at_mike.until("document.querySelector('#new-error').innerText.includes('nobody')")
        assert await at_mike.js("document.querySelector('#new').open")
