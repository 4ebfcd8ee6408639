"""Transport discovery and node entries over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.mesh import httpsign
from components.mesh.entry import Server
from components.mesh.keys import hex66
from components.node_manager import limits
from tests.support.manager import Manager, down, link, managing, node, person

ONE, TWO, THREE = person(1), person(2), person(3)
LINK = link(ONE, TWO)
ID = LINK.entry.t_id


@pytest.fixture
async def manager() -> AsyncIterator[Manager]:
    async with managing() as running:
        yield running


async def test_a_transport_lives_through_all_calls_of_the_reference(manager: Manager) -> None:
    status, told = await manager.signed(ONE, "POST", "/transports/", [LINK])
    assert (status, told[0]["is_up"], told[0]["entry"]["t_id"]) == (201, True, ID)
    assert (await manager.ask("GET", f"/transports/id:{ID}"))[1] == told[0]
    assert (await manager.ask("GET", f"/transports/edge:{hex66(TWO.public_key)}"))[1] == told
    assert (await manager.ask("GET", f"/transports/edge:{TWO.public_key.hex()}"))[1] == told
    assert (await manager.ask("GET", "/transports"))[1] == {"transports": told, "next": ""}
    status, told = await manager.signed(TWO, "POST", "/statuses", [down(LINK, rtt_us=5)])
    assert (status, told[0]["is_up"]) == (200, False)
    assert await manager.signed(TWO, "DELETE", f"/transports/id:{ID}") == (200, {})
    assert (await manager.ask("GET", f"/transports/id:{ID}"))[0] == 404
    assert [each.data["what"] for each in manager.news] == ["registered", "down", "removed"]


async def test_pages_of_transports_are_asked_one_after_the_other(manager: Manager) -> None:
    links = [link(ONE, TWO), link(ONE, THREE), link(TWO, THREE)]
    assert (await manager.signed(ONE, "POST", "/transports/", links[:2]))[0] == 201
    assert (await manager.signed(TWO, "POST", "/transports/", links[2:]))[0] == 201
    _, page = await manager.ask("GET", "/transports?count=2")
    _, rest = await manager.ask("GET", f"/transports?count=2&after={page['next']}")
    assert (len(page["transports"]), len(rest["transports"]), rest["next"]) == (2, 1, "")
    assert (await manager.ask("GET", "/transports?count=201"))[0] == 400
    assert (await manager.ask("GET", "/transports?page=2"))[0] == 400


async def test_a_wrong_number_is_refused_in_the_shape_of_the_reference(manager: Manager) -> None:
    due = await manager.due(ONE.public_key)
    status, answer = await manager.signed(ONE, "POST", "/transports/", [LINK], nonce=due + 1)
    assert (status, answer) == (
        401,
        {"error": {"message": "SW-Nonce does not match", "code": 401, "kind": "nonce", "expected": due}},
    )


async def test_a_replayed_request_is_refused(manager: Manager) -> None:
    due = await manager.due(ONE.public_key)
    assert (await manager.signed(ONE, "POST", "/transports/", [LINK], nonce=due))[0] == 201
    assert (await manager.signed(ONE, "POST", "/transports/", [LINK], nonce=due))[0] == 401
    assert (await manager.signed(ONE, "DELETE", f"/transports/id:{ID}"))[0] == 200
    assert (await manager.signed(ONE, "POST", "/transports/", [LINK], nonce=due))[0] == 401


async def test_a_forged_request_or_entry_is_refused(manager: Manager) -> None:
    forged = msgspec.structs.replace(LINK, signatures=(LINK.signatures[0], "00" * 64))
    status, answer = await manager.signed(ONE, "POST", "/transports/", [forged])
    assert (status, answer["error"]["kind"]) == (401, "signature")
    claim: dict[str, str] = {"SW-Public": hex66(TWO.public_key)}
    assert (await manager.signed(ONE, "POST", "/transports/", [LINK], **claim))[0] == 401
    assert (await manager.ask("POST", "/transports/", [LINK]))[0] == 400
    assert (await manager.ask("POST", "/messaging-discovery/entry/", _with(node(ONE), alias="x")))[0] == 401
    assert not manager.desk.ledger.transports


async def test_a_signed_look_up_cannot_be_sent_again_as_an_order(manager: Manager) -> None:
    await manager.signed(ONE, "POST", "/transports/", [LINK])
    stolen = await manager.due(ONE.public_key)
    headers: Any = httpsign.headers(ONE, stolen, "GET", f"/transports/id:{ID}")
    assert (await manager.ask("DELETE", f"/transports/id:{ID}", **headers))[0] == 401


async def test_a_stranger_brings_no_transport_back(manager: Manager) -> None:
    status, answer = await manager.signed(THREE, "POST", "/transports/", [LINK])
    assert (status, answer["error"]["kind"]) == (403, "edge")


async def test_a_body_with_too_many_is_refused(manager: Manager) -> None:
    status, answer = await manager.signed(ONE, "POST", "/transports/", [{}] * 65)
    assert (status, answer["error"]["message"]) == (413, "at most 64 in one request")


@pytest.mark.parametrize("prefix", ["/messaging-discovery", "/dmsg-discovery"])
async def test_an_entry_lives_through_all_calls_of_the_reference(manager: Manager, prefix: str) -> None:
    name = hex66(ONE.public_key)
    entry = node(ONE, server=Server("a:1", 5))
    assert (await manager.ask("POST", f"{prefix}/entry/", entry))[1] == {
        "code": 200,
        "message": "wrote a new entry",
    }
    status, found = await manager.ask("GET", f"{prefix}/entry/{name}")
    assert (status, msgspec.convert(found, type(entry))) == (200, entry)
    assert (await manager.ask("GET", f"{prefix}/available_servers"))[1] == [found]
    assert (await manager.ask("GET", f"{prefix}/all_servers"))[1] == [found]
    assert (await manager.ask("GET", f"{prefix}/entries"))[1] == [name]
    assert (await manager.signed(ONE, "DELETE", f"{prefix}/entry/{name}"))[0] == 200
    status, answer = await manager.ask("GET", f"{prefix}/entry/{name}")
    assert (status, answer["message"], answer["code"]) == (404, "entry of public key is not found", 404)


async def test_an_entry_that_is_posted_again_is_refused_with_the_number_that_is_due(
    manager: Manager,
) -> None:
    assert (await manager.ask("POST", "/messaging-discovery/entry/", node(ONE)))[0] == 200
    status, answer = await manager.ask("POST", "/messaging-discovery/entry/", node(ONE))
    assert (status, answer["error"]["expected"]) == (422, 1)


async def test_nobody_takes_the_entry_of_another_back(manager: Manager) -> None:
    await manager.ask("POST", "/messaging-discovery/entry/", node(ONE))
    target = f"/messaging-discovery/entry/{hex66(ONE.public_key)}"
    assert (await manager.signed(TWO, "DELETE", target))[0] == 403


async def test_all_of_it_is_there_after_a_restart(tmp_path: Path) -> None:
    async with managing(tmp_path / "m.db") as manager:
        due = await manager.due(ONE.public_key)
        await manager.signed(ONE, "POST", "/transports/", [LINK], nonce=due)
        await manager.ask("POST", "/messaging-discovery/entry/", node(ONE))
    async with managing(tmp_path / "m.db") as manager:
        assert (await manager.ask("GET", f"/transports/id:{ID}"))[0] == 200
        assert await manager.due(ONE.public_key) == due + 1
        assert (await manager.ask("POST", "/messaging-discovery/entry/", node(ONE)))[0] == 422
        manager.now += limits.LEASE_S
        assert (await manager.ask("GET", f"/transports/id:{ID}"))[0] == 404


async def test_a_key_that_is_none_is_refused(manager: Manager) -> None:
    for target in ("/security/nonces/x", "/transports/edge:x", "/messaging-discovery/entry/x"):
        assert (await manager.ask("GET", target))[0] == 400


SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=70),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["entry", "t_id", "edges", "static", "Edges", "Opts"]), inner)
    ),
)


@given(data=SHAPES, raw=st.none() | st.binary(max_size=60))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_body_is_answered_with_a_typed_error(
    manager: Manager, data: Any, raw: bytes | None
) -> None:
    body = msgspec.json.encode(data) if raw is None else raw
    for target in ("/transports/", "/statuses", "/api/services", "/messaging-discovery/entry/", "/routes"):
        headers = httpsign.headers(ONE, await manager.due(ONE.public_key), "POST", target, body)
        status, answer = await manager.ask("POST", target, body=body, **headers)
        if data == [] and raw is None and target in ("/transports/", "/statuses"):
            assert status < 300
        else:
            assert 400 <= status < 500
            assert answer["error"]["message"]
        manager.now += 60


def _with(struct: Any, **fields: Any) -> Any:
    return msgspec.structs.replace(struct, **fields)
