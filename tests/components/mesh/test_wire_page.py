"""docs/reference/mesh-wire.md is true: every line of its blocks is made again from what the page says."""

import re
from enum import IntEnum
from pathlib import Path

import pytest

from components.mesh import endtoend, handshake
from components.mesh.aead import Cipher
from components.mesh.endtoend import RouteInitiator, RouteName
from components.mesh.envelope import Mark, open_receipt
from components.mesh.frame import LARGE_FROM, SIZES, CloseCode, FrameType, frame, frames
from components.mesh.handshake import Dialler, Responder, Secured, Send
from components.mesh.keys import agreement_key, parse, spoken
from components.mesh.noise import Split
from components.mesh.ports import AppPort, MeshPort, TcpPort
from components.mesh.record import MAX_PLAIN, Opener, RecordReader, Sealer
from components.mesh.transport import TransportType, check_signature, entry_of, transport_id
from components.visor.plane.limits import HOP_FIRST, HOP_WINDOW_LEAST
from signal_bus.identity import Identity
from tests.support.mesh import AES_FIRST

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "reference" / "mesh-wire.md").read_text(encoding="utf-8")


def block(name: str) -> dict[str, str]:
    found = re.search(rf"```{name}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None, name
    return dict(line.split() for line in found[1].splitlines())


KEYS, SESSION, FRAMES, ROUTE, IDS = (block(name) for name in ("keys", "session", "frames", "route", "ids"))
INITIATOR, RESPONDER = (Identity(bytes.fromhex(KEYS[f"{side}-seed"])) for side in ("initiator", "responder"))
EPHEMERALS = [bytes.fromhex(SESSION[f"{side}-ephemeral"]) for side in ("initiator", "responder")]


def given(lines: dict[str, str], name: str) -> bytes:
    return bytes.fromhex(lines[name])


@pytest.mark.parametrize("side, identity", [("initiator", INITIATOR), ("responder", RESPONDER)])
def test_each_key_has_its_forms(side: str, identity: Identity) -> None:
    key = identity.public_key
    assert KEYS[f"{side}-key"] == key.hex()
    assert KEYS[f"{side}-x25519"] == agreement_key(key).hex()
    assert KEYS[f"{side}-spoken"] == spoken(key)
    assert parse(KEYS[f"{side}-spoken"]) == key


def test_a_session_begins_with_these_bytes() -> None:
    dialler = Dialler(INITIATOR, RESPONDER.public_key, 45, ciphers=AES_FIRST, ephemeral=EPHEMERALS[0])
    responder = Responder(RESPONDER, ciphers=AES_FIRST, ephemeral=EPHEMERALS[1])
    assert dialler.start() == given(SESSION, "message-1")
    assert responder.feed(given(SESSION, "message-1")) == [Send(given(SESSION, "message-2"))]
    assert dialler.feed(given(SESSION, "message-2")) == [Send(given(SESSION, "message-3"))]
    assert len(responder.feed(given(SESSION, "message-3"))) == 1
    answer, _ = responder.accept()
    assert answer == given(SESSION, "answer")
    (secured,) = dialler.feed(answer)
    assert isinstance(secured, Secured)
    ping = frame(FrameType.PING, 7, b"12345678")
    assert secured.sealer.record(ping) == given(SESSION, "first-record-ping")


def test_the_record_keys_open_the_records() -> None:
    reader = RecordReader(Opener(Cipher.AES, given(SESSION, "key-to-responder")))
    reader.feed(given(SESSION, "first-record-ping") + given(SESSION, "second-record-next-key"))
    read = []
    while (plain := reader.next()) is not None:
        read += [(each.type, each.route) for each in frames(plain)]
    assert read == [(FrameType.PING, 7), (FrameType.KEEP_ALIVE, 7)]
    answer = Sealer(Cipher.AES, given(SESSION, "key-to-initiator")).record(b"\x81\xa2ok\xc3")
    assert answer == given(SESSION, "answer")


def test_every_type_of_frame_has_its_line_and_its_row() -> None:
    assert set(FRAMES) == {kind.name.lower().replace("_", "-") for kind in FrameType}
    for kind in FrameType:
        name = kind.name.lower().replace("_", "-")
        plain = given(FRAMES, name)
        if kind is FrameType.LARGE:  # the page shows its header
            plain += bytes(LARGE_FROM)
        (found,) = frames(memoryview(plain))
        assert found.type == kind
        assert frame(kind, found.route, plain[found.start : found.end]) == plain
        assert f"| {int(kind)} | {name} |" in PAGE


def test_the_numbers_on_the_page_are_those_of_the_program() -> None:
    assert f"1 to {MAX_PLAIN} |" in PAGE
    assert f"48 to {handshake.MAX_OFFER} |" in PAGE
    assert f"64 to {handshake.MAX_REQUEST} |" in PAGE
    assert f"at most {handshake.MAX_ARGS} bytes" in PAGE
    assert f"At most {handshake.MAX_ANSWER} bytes" in PAGE
    assert "{} to {} bytes |".format(*SIZES[FrameType.DATA]) in PAGE
    assert "{} to {} bytes; n is {} less |".format(*SIZES[FrameType.LARGE], LARGE_FROM) in PAGE
    assert f"of {HOP_WINDOW_LEAST:,} bytes or more beyond" in PAGE
    assert f"a limit of {HOP_FIRST:,} bytes at each hop" in PAGE
    assert all(f"`{cipher.value}`" in PAGE for cipher in Cipher)
    assert all(f"{int(code)} " in PAGE for code in CloseCode)


@pytest.mark.parametrize("kind, table", [("session", MeshPort), ("app", AppPort), ("TCP", TcpPort)])
def test_every_port_has_its_row(kind: str, table: type[IntEnum]) -> None:
    written = re.findall(rf"^\| {kind} \| (\d+) \|", PAGE, re.MULTILINE)
    assert [int(number) for number in written] == [int(port) for port in table.__members__.values()]


def test_the_ends_of_a_route_begin_with_these_bytes() -> None:
    name = RouteName(INITIATOR.public_key, RESPONDER.public_key, given(ROUTE, "group"), 7, Cipher.AES)
    initiator = RouteInitiator(INITIATOR, name, ephemeral=EPHEMERALS[0])
    assert initiator.first() == given(ROUTE, "message-1")
    answer, theirs = endtoend.answer(RESPONDER, name, given(ROUTE, "message-1"), ephemeral=EPHEMERALS[1])
    assert answer == given(ROUTE, "message-2")
    ours = initiator.finish(answer)
    for key, end in (("unit-key-to-responder", ours.seal), ("unit-key-to-initiator", theirs.seal)):
        sealed, expected = bytearray(17), bytearray(17)
        end.seal(b"x", b"", sealed)
        type(end)(Cipher.AES, given(ROUTE, key)).seal(b"x", b"", expected)
        assert sealed == expected


def test_the_directions_are_named_as_written() -> None:
    split = Split(b"a" * 32, b"b" * 32, b"")
    out, back = handshake.record_keys(split, Cipher.AES)
    assert "to-responder CIPHER" in PAGE
    assert out == handshake.derive(b"a" * 32, b"record", b"to-responder", Cipher.AES)
    assert back == handshake.derive(b"b" * 32, b"record", b"to-initiator", Cipher.AES)


def test_ids_and_signatures_are_as_written() -> None:
    ends = INITIATOR.public_key, RESPONDER.public_key
    for kind in TransportType:
        assert IDS[kind.value] == str(transport_id(*ends, kind))
    check_signature(entry_of(*ends, TransportType.STCPR), ends[0], IDS["stcpr-signature-of-initiator"])
    found = open_receipt(given(IDS, "receipt"))
    assert (found.sender, found.receiver, found.mark, found.time_ms) == (*ends, Mark.DELIVERED, 2000)
