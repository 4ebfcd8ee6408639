import asyncio
from pathlib import Path

import pytest

from signal_bus.messages import Pong, Welcome
from signal_bus.testing import ManualClock, RawPeer, RecordingDelegate, apps_endpoint, serving, until


def test_time_passes_when_it_is_told_to() -> None:
    clock = ManualClock(5.0)
    clock.pass_(2.5)
    assert clock() == 7.5


async def test_waiting_ends_with_the_condition_or_fails() -> None:
    ready = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, ready.set)
    await until(ready.is_set)
    with pytest.raises(AssertionError, match=r"not within 0\.02 s"):
        await until(lambda: False, deadline_s=0.02)


async def test_a_delegate_remembers_what_it_was_told() -> None:
    delegate = RecordingDelegate()
    delegate.refused("busy", "later")
    assert await delegate.told("refused") == ("busy", "later")
    assert delegate.named("bye") == []


async def test_a_raw_peer_joins_and_leaves_nothing(short_tmp: Path) -> None:
    async with serving(short_tmp), RawPeer(apps_endpoint(short_tmp)) as peer:
        assert isinstance((await peer.join()).body, Welcome)
        peer.send(b'{"t":"ping","id":"1"}')
        assert isinstance((await peer.receive()).body, Pong)
    assert list(short_tmp.iterdir()) == []
