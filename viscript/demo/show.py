"""One demo from its first process to the last: up, the script, staying, down, and what is left."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress

from viscript.demo.layout import NODES
from viscript.demo.remains import had, left
from viscript.demo.scene import Scene
from viscript.demo.scratch import scene_at, scratch
from viscript.demo.script import Script
from viscript.prove.verdict import BrokenPromise
from viscript.verbs.results import DemoLeft, DemoResult

Tell = Callable[[str], None]
INTRODUCTION = (
    "Five nodes of a mesh on this machine, in a home of their own. Nothing of yours is touched.\n\n"
)


def show(
    environ: Mapping[str, str],
    tell: Tell,
    stay: Callable[[], None] | None,
    undisturbed: Callable[[], AbstractContextManager[None]],
) -> DemoResult:
    """All of it. Raises `BrokenPromise`; whatever happens, nothing is left running.

    `stay`, if there is one, returns or raises `KeyboardInterrupt` when the demo is to end; `undisturbed`
    keeps the end from being broken off.
    """
    with scratch() as root:
        scene = scene_at(root, environ)
        script = Script(scene, tell)
        try:
            tell(INTRODUCTION)
            script.run()
            if stay is not None:
                tell(script.invitation())
                with suppress(KeyboardInterrupt):
                    stay()
        finally:
            with undisturbed():
                tell("\nending ...\n")
                before = had(scene)
                _end(scene_at(root, environ))  # with time of its own: it may have stayed up for long
    return _result(script, left(scene, before))


def _end(scene: Scene) -> None:
    """In order if it goes, and at once what does not."""
    with suppress(BrokenPromise):
        scene.command("daemon", "stop", "--stop-all")
    scene.close()


def _result(script: Script, remaining: DemoLeft) -> DemoResult:
    figures = script.figures
    return DemoResult(
        visors=len(NODES),
        ready_seconds=figures.ready_s,
        message_seconds=figures.message_s,
        hops=len(figures.path) - 1,
        path=figures.path,
        heal_seconds=figures.heal_s,
        lost=figures.lost,
        doubled=figures.doubled,
        left=remaining,
    )
