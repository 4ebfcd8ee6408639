"""Rules at work: what cannot be is undone or told."""

import socket
from pathlib import Path

import pytest

from components.visor.app import Misuse
from plugins.forward import store
from plugins.forward.rules import RuleError
from tests.support.forwarding import sides


async def test_a_rule_that_cannot_be_kept_is_not_at_work(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sides(short_tmp) as (near, far):
        row = await near.does(f"fwd 0 {far.key}:80")

        def full(*_: object) -> None:
            raise RuleError("not-kept", "No space left on device")

        monkeypatch.setattr(store, "save", full)
        assert (await near.server.add(f"fwd 0 {far.key}:81"))["error"]["code"] == "not-kept"
        assert (await near.server.remove(row["id"]))["error"]["code"] == "not-kept"
        assert [row["target"] for row in await near.rows()] == ["127.0.0.1:80"]


async def test_a_kept_rule_whose_port_is_taken_now_is_told_and_harms_no_other(short_tmp: Path) -> None:
    async with sides(short_tmp) as (near, far):
        one = await near.does(f"fwd 0 {far.key}:80")
        fixed = one["listen"].rpartition(":")[2]
        await near.server.remove(one["id"])
        await near.does(f"fwd {fixed} {far.key}:80")
        await near.does(f"fwd 0 {far.key}:81")
        await near.stop()
        with socket.create_server(("127.0.0.1", int(fixed))):
            await near.start()
            first, second = await near.rows()
            assert "another program has it" in first["trouble"]
            assert second["trouble"] == ""
            assert (await near.server.remove(first["id"]))["trouble"] == first["trouble"]


async def test_a_wrong_rule_in_the_settings_or_a_damaged_file_stops_the_start(short_tmp: Path) -> None:
    async with sides(short_tmp) as (near, _):
        await near.stop()
        near.rules = ("fwd 80",)
        with pytest.raises(Misuse, match="fwd LISTEN PEER:TARGET"):
            await near.server_of().run(lambda _: None)
        near.rules = ()
        folder = near.node.options.app_socket.parent / "forward"
        folder.mkdir(exist_ok=True)
        (folder / store.NAME).write_text("{")
        with pytest.raises(Misuse, match="cannot be read"):
            await near.server_of().run(lambda _: None)
