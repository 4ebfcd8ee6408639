"""meter and mesh conns: what people read, and the exit codes."""

import pytest

from plugins.mesh.metering import FAULTS
from tests.support.fake_visor import ANSWERS, MIKE
from tests.support.mesh_verbs import Port, use
from viscript.plugin import ExitCode


async def test_a_line_tells_app_peer_bytes_and_receipt() -> None:
    answer = await use("meter")
    assert answer.text is not None
    assert answer.text.splitlines()[1] == "2026-11-21  chat  mike  to 1  2.0 KiB  100 B     signed"
    theirs = [{**ANSWERS["meter"][0], "dialled": False, "label": ""}]
    answer = await use("meter", Port(meter=theirs))
    assert answer.text is not None
    assert f"{MIKE[:12]}  on 1" in answer.text


async def test_only_the_days_that_are_wanted_are_asked_for() -> None:
    port = Port()
    await use("meter", port, since="2026-11-01")
    await use("meter", port)
    assert port.asked == [("meter", {"since": "2026-11-01"}), ("meter", {})]


@pytest.mark.parametrize("receipt", ["signed", "open", "none", "differs", "forged"])
async def test_verifying_fails_when_something_is_not_true(receipt: str) -> None:
    (good,) = ANSWERS["meter_verify"]
    rows = [good, {**good, "receipt": receipt, "text": "so it is"}]
    answer = await use("meter verify", Port(meter_verify=rows))
    assert answer.code == (ExitCode.FAILED if receipt in FAULTS else ExitCode.DONE)
    assert answer.text is not None
    assert answer.text.splitlines()[2].split()[-4:] == [receipt, "so", "it", "is"]


async def test_links_and_connections_are_told() -> None:
    answer = await use("meter links")
    assert answer.text is not None
    assert "mike       5d5a0a4f-0e1  4.0 KiB  200 B" in answer.text
    gone = [{**ANSWERS["meter_links"][0], "public_key": "", "label": ""}]
    answer = await use("meter links", Port(meter_links=gone))
    assert answer.text is not None
    assert "gone" in answer.text
    answer = await use("mesh conns")
    assert answer.text is not None
    assert "1.0 KiB/s, 0 B/s  1.2 ms" in answer.text


async def test_where_there_is_nothing_it_is_said() -> None:
    for verb in ("meter", "meter verify", "meter links"):
        answer = await use(verb, Port(**{verb.replace(" ", "_"): []}))
        assert answer.text is not None
        assert answer.text.startswith("nothing")
    assert (await use("mesh conns", Port(connections=[]))).text == "no stream is open\n"
