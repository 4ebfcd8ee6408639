from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from viscript.demo import show as module
from viscript.demo.scratch import scene_at
from viscript.demo.script import Figures
from viscript.demo.show import show
from viscript.prove.asking import Said
from viscript.prove.verdict import BrokenPromise


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens, in order; nothing is started."""
    seen: list[str] = []

    @contextmanager
    def scratch() -> Iterator[Path]:
        yield tmp_path / "demo"
        seen.append("folder gone")

    class Scene:
        def __init__(self, root: Path) -> None:
            real = scene_at(root)
            self.root, self.home = real.root, real.home

        def processes(self) -> list[object]:
            return []

        def command(self, *words: str) -> Said:
            seen.append(" ".join(words))
            raise BrokenPromise("it does not end")

        def close(self) -> None:
            seen.append("closed")

    class Script:
        figures = Figures(1.0, 0.5, ["ann", "ben", "cho"], 0.1)

        def __init__(self, scene: Scene, tell: object) -> None:
            seen.append("made")

        def run(self) -> Figures:
            seen.append("run")
            if "fail" in seen:
                raise BrokenPromise("a step")
            return self.figures

        def invitation(self) -> str:
            return "try"

    monkeypatch.setattr(module, "scratch", scratch)
    monkeypatch.setattr(module, "scene_at", lambda root, environ: Scene(root))
    monkeypatch.setattr(module, "Script", Script)
    return seen


ENDING = ["daemon stop --stop-all", "closed", "folder gone"]


def test_once_shows_all_and_ends(events: list[str]) -> None:
    told: list[str] = []
    result = show({}, told.append, None, nullcontext)
    assert events == ["made", "run", *ENDING]
    assert (result.visors, result.hops, result.path) == (5, 2, ["ann", "ben", "cho"])
    assert (result.left.processes, result.left.ports, result.left.files) == (0, 0, 0)
    assert "try" not in told


@pytest.mark.parametrize("ends", [None, KeyboardInterrupt])
def test_it_stays_until_it_is_ended(events: list[str], ends: type[BaseException] | None) -> None:
    told: list[str] = []

    def stay() -> None:
        events.append("stay")
        if ends is not None:
            raise ends

    show({}, told.append, stay, nullcontext)
    assert events == ["made", "run", "stay", *ENDING]
    assert "try" in told


def test_a_step_that_fails_leaves_nothing_either(events: list[str]) -> None:
    events.append("fail")
    with pytest.raises(BrokenPromise, match="a step"):
        show({}, lambda text: None, None, nullcontext)
    assert events[-2:] == ["daemon stop --stop-all", "closed"]


def test_the_end_is_not_broken_off(events: list[str]) -> None:
    @contextmanager
    def undisturbed() -> Iterator[None]:
        events.append("calm")
        yield
        events.append("calm over")

    show({}, lambda text: None, None, undisturbed)
    assert events == ["made", "run", "calm", *ENDING[:2], "calm over", "folder gone"]
