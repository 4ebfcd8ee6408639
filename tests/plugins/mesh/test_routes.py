"""route and rtfind: what people read."""

import pytest

from tests.support.fake_visor import ANSWERS, JOE, PATHS
from tests.support.mesh_verbs import Port, use
from viscript.plugin import ExitCode, VerbError


async def test_a_route_is_a_line_with_who_is_between() -> None:
    answer = await use("route ls")
    assert answer.text is not None
    assert f"mike 1.2 ms > {JOE[:12]}  active  12 s  4.8 MiB" in answer.text
    row = {"path": "direct", "hop_names": [JOE[:12]], "latencies_seconds": [None], "standby": True}
    direct = await use("route ls", Port(routes=[{**ANSWERS["routes"][0], **row}]))
    assert direct.text is not None
    assert "direct  standby" in direct.text
    unknown = {"hops": [], "hop_names": [], "latencies_seconds": [], "path": "dialled by it"}
    theirs = [{**ANSWERS["routes"][0], **unknown}]
    answer = await use("route ls", Port(routes=theirs))
    assert answer.text is not None
    assert "dialled by it  active" in answer.text


async def test_rules_and_groups_are_lines() -> None:
    rules, groups = await use("route rules"), await use("route groups")
    assert rules.text is not None
    assert "forward  open   76ad0b0b0b0b 3c090c0c0c0c  44 s" in rules.text
    assert groups.text is not None
    assert "3c090c0c0c0c  us          1 of 2  3" in groups.text
    theirs = await use("route groups", Port(groups=[{**ANSWERS["groups"][0], "dialled": False}]))
    assert theirs.text is not None
    assert "  it  " in theirs.text


@pytest.mark.parametrize("verb", ["route ls", "route rules", "route groups"])
async def test_nothing_is_a_sentence(verb: str) -> None:
    answer = await use(verb, Port(routes=[], rules=[], groups=[]))
    assert answer.text is not None
    assert answer.text.startswith("no ")


@pytest.mark.parametrize("verb", ["route find", "rtfind"])
async def test_paths_come_with_the_best_first(verb: str) -> None:
    port = Port()
    answer = await use(verb, port, peer="mike", min_hops=2)
    assert answer.text == f"2 links, cost 200: this node -> mike 1.2 ms -> {JOE[:12]} 34.0 ms\n"
    assert port.asked == [("find_route", {"peer": "mike", "min_hops": 2})]
    one = {**PATHS[0], "hops": PATHS[0]["hops"][:1], "hop_names": ["mike"], "latencies_seconds": [None]}
    short = await use(verb, Port(find_route=[one]), peer="mike")
    assert short.text == "1 link, cost 200: this node -> mike\n"


async def test_no_path_says_where_to_look() -> None:
    with pytest.raises(VerbError, match="no path to") as caught:
        await use("route find", peer=JOE)
    assert caught.value.code is ExitCode.NOT_FOUND
    assert caught.value.suggestions == ("mesh check", "tp ls")
