"""The chat as a whole."""

from pathlib import Path

import pytest

from components.visor.app import Misuse, NoVisor
from components.visor.kit.gate import PortError
from components.visor.kit.store import StoreError
from plugins.skychat import server
from plugins.skychat.desk import Desk
from plugins.skychat.options import options
from plugins.skychat.server import NoFolder, Server
from tests.support.chats import town, until


async def test_its_files_are_for_this_user_alone(short_tmp: Path) -> None:
    async with town(short_tmp) as whole:
        mike = await whole.party(await whole.mesh.node())
        folder = mike.server.folder
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {name: (folder / name).stat().st_mode & 0o777 for name in ("secret", "curl")} == {
            "secret": 0o600,
            "curl": 0o600,
        }


def test_a_key_that_is_none_and_a_folder_that_is_a_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Misuse):
        Server(options(["--allow", "mike", "--state", str(tmp_path)]))
    (tmp_path / "file").touch()
    with pytest.raises(NoFolder, match="no place for the texts"):
        Server(options(["--state", str(tmp_path / "file" / "below")]))


async def test_without_a_visor_or_with_a_port_in_use_it_ends(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.visor.sdk.client.PATIENCE_S", 0.0)
    monkeypatch.setattr("components.visor.sdk.reach.AGAIN_S", 0.0)
    async with town(short_tmp) as whole:
        node = await whole.mesh.node()
        mike = await whole.party(node)
        other = await whole.mesh.node()
        place = mike.page.removeprefix("http://")
        words = ["x", str(other.options.app_socket), "1", "-addr", place, "--state", str(short_tmp / "x")]
        with pytest.raises(PortError, match="cannot listen at"):
            await Server(options(words)).run(lambda told: None)


async def test_a_store_that_cannot_be_had_is_told(short_tmp: Path) -> None:
    folder = short_tmp / "state"
    (folder / "chat.db").mkdir(parents=True)
    with pytest.raises(NoFolder, match="cannot be read"):
        await Server(options(["--state", str(folder)])).run(lambda told: None)


async def test_a_store_that_fails_is_swept_again(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(_: Desk) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(Desk, "sweep", fails)
    monkeypatch.setattr(server, "SWEEP_S", 0.01)
    async with town(short_tmp) as whole:
        await whole.party(await whole.mesh.node())
        await until(lambda: caplog.text.count("the disk is full") > 1)


async def test_a_visor_that_is_not_there_is_named(tmp_path: Path) -> None:
    made = Server(options(["x", str(tmp_path / "none.sock"), "1", "--state", str(tmp_path / "s")]))
    made.patience_s = 0.0
    with pytest.raises(NoVisor):
        await made.run(lambda told: None)
