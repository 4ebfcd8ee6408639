"""How one plugin stands in the host."""

from pathlib import Path

import pytest

from viscript.pluginhost.errors import PluginError
from viscript.pluginhost.holder import Local
from viscript.pluginhost.slot import Slot
from viscript.pluginhost.source import Source
from viscript.pluginhost.spec import AppSpec, Registration, VerbSpec


def slot(name: str, *, apps: tuple[str, ...] = (), verbs: tuple[str, ...] = ()) -> Slot:
    source = Source(kind="file", name=name, target=f"{name}.py")
    made = Slot(source, Local(source, {}))
    made.started(
        Registration(
            apps=tuple(AppSpec(name=app, argv=("x",)) for app in apps),
            verbs=tuple(VerbSpec(name=verb, summary="s") for verb in verbs),
        ),
        0.1,
    )
    return made


def test_names_that_are_taken_are_told_with_their_owner() -> None:
    mine = slot("mine", apps=("a", "b", "b"), verbs=("la", "v"))
    with pytest.raises(PluginError) as caught:
        mine.check([slot("theirs", apps=("a",), verbs=("v",))], {"la"})
    assert caught.value.text.split("; ") == [
        "app b is registered twice",
        "app a is already registered by plugin theirs",
        "verb la is already registered by viscript itself",
        "verb v is already registered by plugin theirs",
    ]


def test_the_state_is_the_worst_that_is_known(tmp_path: Path) -> None:
    source = Source(kind="file", name="x", target=str(tmp_path))
    fresh = Slot(source, Local(source, {}))
    assert (fresh.state, fresh.works) == ("loading", False)
    fresh.started(Registration(), 0.1)
    assert (fresh.state, fresh.works) == ("loaded", True)
    fresh.holder.tally.give_up("slow")
    assert (fresh.state, fresh.works, fresh.record().error) == ("failed", True, "slow")
    fresh.broke(PluginError("bad", traceback="t"))
    assert (fresh.state, fresh.works, fresh.record().traceback) == ("broken", False, "t")
    fresh.blocked = True
    assert fresh.state == "blocked"
