"""At most one that lives has a name."""

import pytest

from viscript.config.model import App
from viscript.errors import VerbError
from viscript.supervisor.api import AppEntry
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase
from viscript.supervisor.names import Names


def managed(seq: int, phase: Phase, *, configured: bool = False) -> Managed:
    entry = AppEntry(name="web", source="t", spec=App(), argv=("web",))
    return Managed(seq=seq, name="web", entry=entry, since=0.0, phase=phase, configured=configured)


@pytest.mark.parametrize("phase", list(Phase))
def test_a_name_is_taken_by_who_lives(phase: Phase) -> None:
    names = Names()
    names.hold(managed(1, phase))
    ended = phase in (Phase.STOPPED, Phase.DONE, Phase.FATAL)
    assert names.is_taken("web") != ended
    assert names.choose(None, "web") == ("web" if ended else "web#2")


def test_what_the_configuration_keeps_has_its_name_for_ever() -> None:
    names = Names()
    names.hold(managed(1, Phase.STOPPED, configured=True))
    with pytest.raises(VerbError, match="'web' is taken"):
        names.choose("web", "web")


def test_who_comes_to_life_has_the_name_and_who_ends_does_not_lose_it_to_nobody() -> None:
    names = Names()
    old, new = managed(1, Phase.RUNNING), managed(2, Phase.STOPPED)
    names.hold(new)
    names.changed(old)
    names.changed(new)
    with pytest.raises(VerbError, match="that of 1 now"):
        names.check(new)
    names.check(old)
    names.drop(new)
    assert names.is_taken("web")
    names.drop(old)
    names.check(new)
    assert not names.is_taken("web")
