"""The paths of a home."""

import errno
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from viscript.home import LONGEST_SOCKET, Home, HomeError, find_home, is_ours, make_home


@pytest.fixture
def short() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="vh", dir="/tmp") as folder:
        yield Path(folder)


def sockets(home: Home) -> list[str]:
    return [home.verbs_socket, home.keeper_socket, home.bus_socket, home.events_socket, home.apps_socket]


def test_everything_lives_under_viscript_home(short: Path) -> None:
    home = find_home(
        {"VISCRIPT_HOME": f"{short}/h", "XDG_RUNTIME_DIR": "/run/user/7", "XDG_STATE_HOME": "/x"}
    )
    paths = [*sockets(home), home.database, home.identity, home.daemon_log, home.keeper_lock, home.history]
    assert all(path.startswith(f"{short}/h/") for path in paths)
    assert home.verbs_socket == f"{short}/h/run/verbs.sock"
    assert home.apps_socket == f"{short}/h/apps/apps.ipc"
    assert home.state == home.root == f"{short}/h"


def test_without_it_the_xdg_folders_are_used() -> None:
    home = find_home({"HOME": "/home/ada", "XDG_RUNTIME_DIR": "/run/user/7"})
    assert home.root == "/home/ada/.local/state/viscript"
    assert home.verbs_socket == "/run/user/7/viscript/verbs.sock"
    assert find_home({"HOME": "/home/ada"}).run == "/home/ada/.local/state/viscript/run"
    assert find_home({"HOME": "/a", "XDG_STATE_HOME": "/s"}).root == "/s/viscript"
    assert find_home({"HOME": "/a", "XDG_STATE_HOME": "relative is void"}).root == "/a/.local/state/viscript"


def test_a_relative_home_is_made_absolute_and_an_empty_one_is_none(short: Path) -> None:
    assert find_home({"VISCRIPT_HOME": "x"}).root == str(Path.cwd() / "x")
    assert find_home({"VISCRIPT_HOME": "", "HOME": "/a"}).root == "/a/.local/state/viscript"


@pytest.mark.parametrize("length", [60, 85, 88, 89, 90, 120, 900])
def test_no_socket_path_is_ever_too_long(short: Path, length: int) -> None:
    root = str(short) + "/" + "é" * ((length - len(str(short)) - 1) // 2)
    environ = {"VISCRIPT_HOME": root}
    home = find_home(environ)
    assert max(len(os.fsencode(path)) for path in sockets(home)) <= LONGEST_SOCKET
    assert find_home(environ).run == home.run
    assert find_home({"VISCRIPT_HOME": root + "x"}).run != home.run


def test_the_folders_are_made_with_their_modes(short: Path) -> None:
    home = find_home({"VISCRIPT_HOME": f"{short}/h"})
    make_home(home)
    make_home(home)
    modes = {
        path: stat.S_IMODE(os.stat(path).st_mode) for path in (home.root, home.run, home.apps, home.keys)
    }
    assert modes == {home.root: 0o711, home.run: 0o700, home.apps: 0o711, home.keys: 0o700}
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(home.keeper_socket)


def test_a_folder_the_user_made_keeps_its_mode(short: Path) -> None:
    (short / "h").mkdir(mode=0o700)
    make_home(find_home({"VISCRIPT_HOME": f"{short}/h"}))
    assert stat.S_IMODE((short / "h").stat().st_mode) == 0o700


def test_moved_sockets_are_found_again_from_another_environment(short: Path) -> None:
    runtime = short / "runtime"
    runtime.mkdir(mode=0o700)
    environ = {"HOME": str(short), "XDG_RUNTIME_DIR": str(runtime)}
    make_home(find_home(environ))
    assert find_home({"HOME": str(short)}).run == f"{runtime}/viscript"
    os.rename(runtime, short / "gone")
    assert find_home({"HOME": str(short)}).run == f"{short}/.local/state/viscript/run"


def test_a_copy_of_a_home_has_sockets_of_its_own(short: Path) -> None:
    make_home(find_home({"VISCRIPT_HOME": f"{short}/h"}))
    shutil.copytree(short / "h", short / "copy")
    assert find_home({"VISCRIPT_HOME": f"{short}/copy"}).run == f"{short}/copy/run"


def test_a_folder_others_may_write_to_is_refused(short: Path) -> None:
    (short / "h").mkdir()
    os.chmod(short / "h", 0o777)
    with pytest.raises(HomeError, match="only this user"):
        make_home(find_home({"VISCRIPT_HOME": f"{short}/h"}))


def test_a_link_is_not_our_folder(short: Path) -> None:
    (short / "real").mkdir(mode=0o700)
    (short / "link").symlink_to(short / "real")
    assert is_ours(str(short / "real"))
    assert not is_ours(str(short / "link"))
    assert not is_ours(str(short / "absent"))


def test_a_home_that_cannot_be_made_is_said(short: Path) -> None:
    (short / "file").touch()
    with pytest.raises(HomeError, match="cannot make the folder"):
        make_home(find_home({"VISCRIPT_HOME": f"{short}/file/h"}))


def test_importing_it_loads_next_to_nothing() -> None:
    code = "import sys; before = set(sys.modules); import viscript.home; print(set(sys.modules) - before)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pathlib" not in found
    assert "typing" not in found
    assert "hashlib" not in found


def refused(*args: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_what_is_noted_already_needs_no_room(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = find_home({"VISCRIPT_HOME": f"{short}/h"})
    make_home(home)
    monkeypatch.setattr(os, "replace", refused)
    make_home(home)


def test_a_home_without_room_for_the_first_note_is_named(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(HomeError, match=f"cannot write in {short}/h: No space left"):
        make_home(find_home({"VISCRIPT_HOME": f"{short}/h"}))
    assert [path.name for path in (short / "h").iterdir() if path.is_file()] == []


def test_a_folder_whose_mode_cannot_be_mended_is_named(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = find_home({"VISCRIPT_HOME": f"{short}/h"})
    make_home(home)
    monkeypatch.setattr(os, "chmod", refused)
    make_home(home)  # as it should be: nothing is touched
    Path(home.keys).rmdir()
    Path(home.keys).mkdir(mode=0o755)
    with pytest.raises(HomeError, match=f"cannot set the mode of {home.keys}: No space"):
        make_home(home)
