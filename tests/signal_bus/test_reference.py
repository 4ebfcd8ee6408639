import re

from signal_bus import limits
from signal_bus.codec import Form, decode, encode
from signal_bus.envelope import Envelope
from signal_bus.identity import Identity
from signal_bus.kinds import CLIENT_KINDS, ERROR_CODES, KINDS, PEER_KINDS, SERVER_KINDS
from signal_bus.peers.link import NOTES_BURST, NOTES_PER_S
from signal_bus.peers.messages import CHUNK_BYTES, WINDOW_BYTES
from signal_bus.peers.mux import STREAMS_MAX
from signal_bus.reference import page
from signal_bus.tokens import curve_of
from tests.support.signals import ROOT

DOCS = ROOT / "docs" / "reference"
BUS = (DOCS / "bus.md").read_text(encoding="utf-8")


def block(name: str) -> list[str]:
    found = re.search(rf"```{name}\n(.*?)```", BUS, re.DOTALL)
    assert found is not None, name
    return found[1].splitlines()


def test_the_page_of_messages_is_what_the_types_say() -> None:
    written = (DOCS / "bus-messages.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -P -m signal_bus docs/reference"


def test_every_kind_code_and_limit_is_on_the_page() -> None:
    text = page()
    assert all(f"\n## {tag}\n" in text for tag in KINDS)
    assert all(f"`{code}`" in text for code in ERROR_CODES)
    assert all(f"| {name} |" in text for name in vars(limits) if name.isupper() and name != "VERSION")


def test_every_vector_is_decoded_and_encoded_to_the_same_bytes() -> None:
    for line in block("vectors"):
        tag, sender, frame = line.split()
        data = bytes.fromhex(frame)
        packet = decode(data, {"client": CLIENT_KINDS, "server": SERVER_KINDS, "peer": PEER_KINDS}[sender])
        assert (packet.kind.tag, packet.form) == (tag, Form.MSGPACK)
        envelope = packet.envelope
        again = encode(packet.body, request=envelope.id, re=envelope.re, dl=envelope.dl, err=envelope.err)
        assert again == data, tag


def test_the_bounds_between_hosts_are_as_written() -> None:
    page = BUS[BUS.index("## Between hosts") :]
    for bound in (CHUNK_BYTES, WINDOW_BYTES, STREAMS_MAX, int(NOTES_PER_S), int(NOTES_BURST)):
        assert f" {bound} " in page.replace("\n", " "), bound
    assert {line.split()[0] for line in block("vectors") if " peer " in line} == PEER_KINDS.keys() - {"error"}


def test_every_line_of_json_is_a_message_of_a_client() -> None:
    for line in block("json"):
        packet = decode(line.encode(), CLIENT_KINDS)
        envelope = packet.envelope
        assert encode(packet.body, Form.JSON, request=envelope.id, re=envelope.re).decode() == line


def test_every_field_of_the_envelope_is_in_its_table() -> None:
    assert all(f"| `{field}` |" in BUS for field in Envelope.__struct_fields__)
    assert f"at most {limits.MESSAGE_BYTES} bytes" in BUS
    assert f"at most {limits.ENVELOPE_BYTES};" in BUS
    assert f"More than {limits.QUEUE_MESSAGES} unread" in BUS


def test_the_keys_are_derived_as_written() -> None:
    given = dict(line.split() for line in block("keys"))
    identity = Identity(bytes.fromhex(given["seed"]))
    assert identity.public_key.hex() == given["ed25519-public"]
    assert identity.curve().public.hex() == given["curve-public"]
    assert identity.sign(b"hello", b"data").hex() == given["signature-of-data-in-context-hello"]


def test_the_keys_of_a_token_are_derived_as_written() -> None:
    given = dict(line.split() for line in block("token"))
    pair = curve_of(given["token"])
    assert (pair.secret.hex(), pair.public.hex()) == (given["curve-secret"], given["curve-public"])
