"""The search of the host, on a host that is made up."""

from collections.abc import Sequence
from pathlib import Path

from tests.support.fake_world import entry, instance
from viscript.diagnose.belonging import Belonging
from viscript.diagnose.bound import Bound
from viscript.diagnose.conflict import Conflict, FileConflict, PortConflict
from viscript.diagnose.look import Look
from viscript.states import State
from viscript.supervisor.api import Instance

NOBODY = 2**30  # beyond any pid


class FakeHolders:
    def __init__(self, bound: Sequence[Bound] = (), paths: dict[str, list[int]] | None = None) -> None:
        self._bound = bound
        self._paths = paths or {}
        self.asked: list[str] = []

    def bound(self) -> Sequence[Bound]:
        self.asked.append("bound")
        return self._bound

    def of_socket(self, bound: Bound) -> Sequence[int]:
        return bound.pids

    def of_path(self, path: str) -> Sequence[int]:
        self.asked.append(path)
        return self._paths.get(path, [])

    def name(self, pid: int) -> str:
        return f"program-{pid}" if pid > NOBODY else ""


def looked(
    app: Instance, *lines: str, holders: FakeHolders, leaders: dict[int, int] | None = None
) -> Conflict | None:
    return Look(app, lines, {"PORT": "8001"}, holders, Belonging("/h", leaders or {})).conflict()


def test_the_environment_is_searched_too() -> None:
    holders = FakeHolders([Bound("tcp", "::", 8001, 1, (NOBODY + 1,))])
    found = looked(instance(7, "web", State.BACKOFF), "EADDRINUSE", holders=holders)
    assert found == PortConflict(port=8001, pid=NOBODY + 1, process=f"program-{NOBODY + 1}")
    alone = instance(7, "web", State.BACKOFF, entry=entry("web", inherit_env=False))
    assert looked(alone, "EADDRINUSE", holders=holders) is None
    own = instance(7, "web", State.BACKOFF, entry=entry("web", inherit_env=False, env={"PORT": "8001"}))
    assert looked(own, "EADDRINUSE", holders=holders) is not None


def test_a_listener_of_its_own_counts_only_while_it_is_down() -> None:
    holders = FakeHolders([Bound("tcp", "::", 8001, 1, (NOBODY + 1,))])
    leaders = {NOBODY + 1: 7}
    starting = instance(7, "web", State.STARTING)
    assert looked(starting, "EADDRINUSE", holders=holders, leaders=leaders) is None
    found = looked(instance(7, "web", State.BACKOFF), "EADDRINUSE", holders=holders, leaders=leaders)
    assert found is not None
    assert found.id == 7


def test_the_host_is_not_searched_without_reason() -> None:
    holders = FakeHolders()
    assert looked(instance(7, "web", State.BACKOFF), "ValueError", holders=holders) is None
    assert holders.asked == []


def test_files_are_asked_for_in_the_order_of_their_likelihood(tmp_path: Path) -> None:
    for name in ("said", "given", "mentioned"):
        (tmp_path / name).touch()
    holders = FakeHolders(paths={f"{tmp_path}/mentioned": [NOBODY + 2]})
    app = instance(
        7, "web", State.BACKOFF, argv=("/bin/web", f"--lock={tmp_path}/given", str(tmp_path), "/none")
    )
    lines = (f"using {tmp_path}/mentioned", f"lock {tmp_path}/said is held")
    found = looked(app, *lines, holders=holders)
    assert found == FileConflict(
        path=f"{tmp_path}/mentioned", pid=NOBODY + 2, process=f"program-{NOBODY + 2}"
    )
    assert holders.asked == [f"{tmp_path}/{name}" for name in ("said", "given", "mentioned")]


def test_a_relative_path_is_looked_up_where_the_app_runs(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x.lock").touch()
    holders = FakeHolders(paths={f"{tmp_path}/sub/x.lock": [NOBODY + 3]})
    what = entry("web", cwd=f"{tmp_path}/sub")
    app = instance(7, "web", State.BACKOFF, entry=what, argv=("/bin/web", "x.lock"))
    assert looked(app, "cannot lock it", holders=holders) is not None


def test_a_pid_file_counts_while_its_process_lives(tmp_path: Path) -> None:
    path = tmp_path / "x.pid"
    app = instance(7, "web", State.BACKOFF, argv=("/bin/web", str(path)))
    path.write_text(f"{NOBODY + 4}\n")
    assert looked(app, "already running", holders=FakeHolders()) is not None
    path.write_text("5\n")
    assert looked(app, "already running", holders=FakeHolders()) is None


def test_its_own_lock_is_no_conflict(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.touch()
    app = instance(7, "web", State.BACKOFF, argv=("/bin/web", str(path)))
    holders = FakeHolders(paths={str(path): [NOBODY + 5]})
    assert looked(app, "cannot lock", holders=holders, leaders={NOBODY + 5: 7}) is None
