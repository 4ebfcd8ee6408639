import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from viscript.demo import script as module
from viscript.demo.layout import LISTENER, NODES, SPEAKER, chat, visor
from viscript.demo.script import SITE, TALK, Script, free_ports
from viscript.prove.asking import Said
from viscript.prove.verdict import BrokenPromise

T = TypeVar("T")
KEYS = {node: f"{number:02x}" * 32 for number, node in enumerate(NODES)}
BY_BEN = {"dst": KEYS[LISTENER], "standby": False, "hop_names": ["ben", "cho"]}
BY_EVE = {**BY_BEN, "hop_names": ["eve", "dan", "cho"]}


class FakeScene:
    """Answers each rpc as the table says; time does not pass."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "config.yaml"
        self.asked: list[tuple[str, str, dict[str, Any]]] = []  # Any: JSON
        self.answers: dict[str, Any] = {  # Any: as above
            "add_transport": {"up": True, "reason": ""},
            "name_peer": {},
            "say": {"state": "sent"},
            "routes": [BY_BEN, {**BY_EVE, "standby": True}],
            "transports": [{"id": "t", "public_key": KEYS["ben"], "address": "127.0.0.1:1"}],
            "remove_transport": {},
            "begin": {},
            "end": {"sent": 10, "lost": 0, "doubled": 0, "longest_gap_seconds": 0.02},
        }
        self.unheard: set[str] = set()
        self.states: dict[str, str] = {}  # by app
        self.whys: dict[str, dict[str, Any]] = {}  # Any: as above

    def open(self, apps: dict[str, Any]) -> None:  # Any: as above
        self.configure(apps)

    def configure(self, apps: dict[str, Any]) -> None:  # Any: as above
        self.config.write_text(json.dumps({"apps": apps}))

    def rows(self) -> dict[int, dict[str, Any]]:  # Any: as above
        names = json.loads(self.config.read_text())["apps"]
        return {
            seq: {"name": name, "state": self.states.get(name, "ready")} for seq, name in enumerate(names)
        }

    def until(self, probe: Callable[[], T | None], what: str, within_s: float = 0.0) -> T:
        answer = probe()
        if not answer:
            raise BrokenPromise(f"not in time: {what}")
        return answer

    def done(self, verb: str, *words: str) -> Said:
        if verb != "rpc":
            return Said(0, "", "")
        app, method, params = words[0], words[1], json.loads(words[2])
        self.asked.append((app, method, params))
        return Said(0, json.dumps(self.answer(app, method)), "")

    def ask(self, verb: str, name: str, *words: str) -> Said:
        assert verb == "why"
        return Said(0, json.dumps(self.whys[name]), "") if name in self.whys else Said(5, "", "nobody")

    def answer(self, app: str, method: str) -> Any:  # Any: as above
        if method == "health":
            node = next(node for node in NODES if visor(node) == app)
            return {"public_key": KEYS[node], "address": "127.0.0.1:7"}
        if method == "unread":
            return [{"text": text} for _, to, text in TALK if chat(to) == app and to not in self.unheard]
        if method == "remove_transport":
            self.answers["routes"] = [BY_EVE]
        return self.answers[method]


@pytest.fixture
def scene(tmp_path: Path) -> FakeScene:
    return FakeScene(tmp_path)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(module, "FLOW_S", 0.0)
    monkeypatch.setattr(module, "page", lambda proxy, target: SITE)
    return []


def script(scene: FakeScene, told: list[str]) -> Script:
    return Script(scene, told.append)  # type: ignore[arg-type]  # as much of a scene as it needs


def test_the_script_tells_names_and_figures(scene: FakeScene, told: list[str]) -> None:
    figures = script(scene, told).run()
    text = "".join(told)
    assert "ann and cho, who are no neighbours, chat by ann -> ben -> cho" in text
    assert "it goes on ann -> eve -> dan -> cho" in text
    assert "healed in 20 ms; of 10 lines none was lost, none doubled" in text
    assert SITE in text
    assert (figures.path, figures.heal_s) == (["ann", "ben", "cho"], 0.02)
    assert (visor(SPEAKER), "remove_transport", {"transport": "t"}) in scene.asked
    assert scene.asked[-1][1:] == ("add_transport", {"peer": f"{KEYS['ben']}@127.0.0.1:1"})


def test_a_link_that_was_dialled_by_the_other_side_is_mended_by_its_key(
    scene: FakeScene, told: list[str]
) -> None:
    scene.answers["transports"][0]["address"] = None
    script(scene, told).run()
    assert scene.asked[-1][1:] == ("add_transport", {"peer": KEYS["ben"]})


def test_without_a_second_way_it_says_so(scene: FakeScene, told: list[str]) -> None:
    scene.answers["routes"] = [BY_BEN]
    script(scene, told).run()
    assert "(a second way was not ready yet)" in "".join(told)


def test_what_to_try_names_home_and_ports(scene: FakeScene, told: list[str]) -> None:
    made = script(scene, told)
    text = made.invitation()
    assert f"export VISCRIPT_HOME={scene.root}\n" in text
    assert f"socks5h://127.0.0.1:{made.ports['socks']}" in text


@pytest.mark.parametrize(
    "method, answer, text",
    [
        ("add_transport", {"up": False, "reason": "refused"}, "the link ann - ben is not up: refused"),
        ("add_transport", {"up": False, "reason": ""}, "the link ann - ben is not up: no answer"),
        (
            "end",
            {"sent": 9, "lost": 2, "doubled": 1, "longest_gap_seconds": 1},
            "2 of 9 lines lost",
        ),
    ],
)
def test_a_step_that_does_not_go_as_it_must_is_told(
    scene: FakeScene, told: list[str], method: str, answer: object, text: str
) -> None:
    scene.answers[method] = answer
    with pytest.raises(BrokenPromise, match=text):
        script(scene, told).run()


def test_a_text_that_does_not_arrive_is_told(scene: FakeScene, told: list[str]) -> None:
    scene.unheard.add(LISTENER)
    with pytest.raises(BrokenPromise, match="cho has 'Hello Mike!' of ann"):
        script(scene, told).run()


def test_another_page_than_the_one_behind_the_mesh_is_told(
    scene: FakeScene, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "page", lambda proxy, target: "something else")
    with pytest.raises(BrokenPromise, match="the page says 'something else'"):
        script(scene, told).run()


def test_a_way_that_is_not_known_is_empty(scene: FakeScene, told: list[str]) -> None:
    made = script(scene, told)
    made.start()
    scene.answers["routes"] = [{**BY_BEN, "standby": True}]
    assert made._path() == []


def test_ports_are_different_ones() -> None:
    ports = free_ports()
    assert len(set(ports.values())) == len(ports)


def test_who_does_not_come_up_is_named_with_the_cause(scene: FakeScene, told: list[str]) -> None:
    scene.states = {"web": "backoff", "relay": "starting", "setup": "waiting"}
    scene.whys = {
        "web": {"state": "backoff", "text": "exit status 1", "last_lines": ["no port", "bye"]},
        "setup": {"state": "waiting", "text": "it needs directory", "last_lines": []},
    }
    with pytest.raises(BrokenPromise) as raised:
        script(scene, told).run()
    assert raised.value.text == (
        "after 60 s not ready: setup (waiting: it needs directory), relay,"
        " web (backoff: exit status 1: no port / bye)"
    )


def test_what_came_up_at_the_last_moment_is_not_named(scene: FakeScene, told: list[str]) -> None:
    def too_late(probe: object, what: str, within_s: float = 0.0) -> None:
        raise BrokenPromise("the machine is slow")

    scene.until = too_late  # type: ignore[method-assign,assignment]
    with pytest.raises(BrokenPromise, match="not ready: the machine is slow"):
        script(scene, told).run()
