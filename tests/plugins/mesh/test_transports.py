"""tp and node: what people read, and what the visor is asked."""

import pytest

from tests.support.fake_visor import DOWN, LINK, MIKE
from tests.support.mesh_verbs import Port, use


@pytest.mark.parametrize("verb", ["tp ls", "node ls-tp"])
async def test_each_link_is_a_line_with_its_state(verb: str) -> None:
    answer = await use(verb)
    assert answer.text is not None
    assert "down: no messenger knows it" in answer.text
    assert answer.text.splitlines()[1].split() == (
        ["5d5a0a4f", "stcpr", "mike", "up", "1.2", "ms", "2.0", "KiB", "100", "B", "yes", "76ad0b0b0b0b"]
    )


async def test_none_at_all_says_how_to_get_one() -> None:
    answer = await use("tp ls", Port(transports=[]))
    assert answer.text == "no transport; `tp add KEY@HOST:PORT` makes one\n"
    assert answer.data == []


@pytest.mark.parametrize("verb", ["tp add", "node add-tp"])
async def test_a_new_link_is_kept_unless_it_is_temporary(verb: str) -> None:
    port = Port()
    up = await use(verb, port, peer=f"{MIKE}@10.0.0.2:7777")
    assert up.text == f"transport {LINK} (stcpr) to mike is up\n"
    down = await use(verb, port, peer="mike", type="dmsg", temporary=True)
    assert down.text == f"transport {LINK} (stcpr) to mike is not up yet; it is dialled until it is\n"
    assert port.asked == [
        ("add_transport", {"peer": f"{MIKE}@10.0.0.2:7777", "persistent": True}),
        ("add_transport", {"peer": "mike", "type": "dmsg", "persistent": False}),
    ]


async def test_why_a_new_link_is_not_up_is_told() -> None:
    answer = await use("tp add", Port(add_transport={**DOWN, "label": "joe"}), peer="joe")
    assert answer.text is not None
    assert answer.text.endswith("to joe is not up yet (no messenger knows it); it is dialled until it is\n")


@pytest.mark.parametrize("verb", ["tp rm", "node rm-tp"])
async def test_a_removed_link_is_told(verb: str) -> None:
    assert (await use(verb, id="5d5a")).text == f"transport {LINK} to mike is gone\n"


async def test_the_kinds_are_explained() -> None:
    answer = await use("tp types", Port(transport_types=["stcpr", "sudph"]))
    assert answer.data == [{"type": "stcpr", "text": "direct, over TCP"}, {"type": "sudph", "text": ""}]
