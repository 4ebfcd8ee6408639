import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mesh import handshake, payloads
from components.mesh.aead import Cipher
from components.mesh.errors import BadKey, CallerError, PeerError, Refused, TagError, WireError
from components.mesh.handshake import Answer, Asked, Dialler, Offer, Request, Responder, Secured, Send
from components.mesh.keys import agreement_key
from components.mesh.noise import Handshake, Pattern
from components.mesh.record import Opener, Sealer
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from tests.support.mesh import AES_FIRST, ALICE, BOB, CAROL, STRANGE, run_to_asked, secured_pair

CHACHA_FIRST = (Cipher.CHACHA, Cipher.AES)


class Args(msgspec.Struct, frozen=True):
    to: str


class Long(msgspec.Struct, frozen=True):
    text: str


def dialler(peer: PublicKey = BOB.public_key, args: msgspec.Struct | None = None) -> Dialler:
    return Dialler(ALICE, peer, 45, args, ciphers=AES_FIRST)


def bob() -> Responder:
    return Responder(BOB, ciphers=AES_FIRST)


def noise_to_bob(
    prologue: bytes = b"viscript mesh 1XK" + BOB.public_key, static: Identity = ALICE
) -> Handshake:
    """An initiator by hand, to say what ours never would."""
    return Handshake(
        Pattern.XK, initiator=True, prologue=prologue, static=static.agreement_secret(),
        remote=agreement_key(BOB.public_key),
    )  # fmt: skip


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


def bob_hearing(request: bytes, static: Identity = ALICE) -> list[Send | Asked]:
    """What Bob makes of a third message with this payload."""
    noise, responder = noise_to_bob(static=static), bob()
    (offer,) = responder.feed(framed(noise.write()))
    assert isinstance(offer, Send)
    noise.read(offer.data[2:])
    return responder.feed(framed(noise.write(request)))


def alice_hearing(offer: bytes) -> list[Send | Secured]:
    """What Alice makes of a second message with this payload."""
    noise = Handshake(
        Pattern.XK,
        initiator=False,
        prologue=b"viscript mesh 1XK" + BOB.public_key,
        static=BOB.agreement_secret(),
    )
    side = dialler()
    noise.read(side.start()[2:])
    return side.feed(framed(noise.write(offer)))


def request(**changes: object) -> bytes:
    whole = {"key": ALICE.public_key, "cipher": "aes-256-gcm", "port": 45} | changes
    return payloads.encode(whole)


def test_both_ends_know_each_other_and_what_for() -> None:
    asked, side, responder = run_to_asked(dialler(args=Args("carol")), bob())
    assert asked == Asked(ALICE.public_key, 45, payloads.raw(Args("carol")))
    assert payloads.decode(asked.args, Args) == Args("carol")
    data, theirs = responder.accept(Args("welcome"))
    (ours,) = side.feed(data)
    assert isinstance(ours, Secured)
    assert (ours.peer, theirs.peer) == (BOB.public_key, ALICE.public_key)
    assert payloads.decode(ours.body, Args) == Args("welcome")
    assert ours.leftover == b""


def test_what_one_end_seals_the_other_opens() -> None:
    ours, theirs = secured_pair()
    for sealer, opener in ((ours.sealer, theirs.opener), (theirs.sealer, ours.opener)):
        out = bytearray(5)
        opener.open(memoryview(sealer.record(b"hello")), memoryview(out))
        assert out == b"hello"


def test_the_two_directions_have_different_keys() -> None:
    ours, theirs = secured_pair()
    with pytest.raises(TagError):
        ours.opener.open(memoryview(Sealer(Cipher.AES, bytes(32)).record(b"x")), memoryview(bytearray(1)))
    one, two = secured_pair()
    with pytest.raises(TagError):
        one.opener.open(memoryview(one.sealer.record(b"x")), memoryview(bytearray(1)))
    assert repr(two).count("Sealer") == repr(theirs).count("bytearray") == 0


@pytest.mark.parametrize("own", [AES_FIRST, CHACHA_FIRST])
def test_the_cipher_is_one_both_have(own: tuple[Cipher, ...]) -> None:
    _, side, responder = run_to_asked(dialler(), Responder(BOB, ciphers=own))
    data, theirs = responder.accept()
    side.feed(data)
    assert theirs.sealer.key.cipher is own[0]


def test_the_order_of_this_machine_is_the_default() -> None:
    asked, _, _ = run_to_asked(Dialler(ALICE, BOB.public_key, 36), Responder(BOB))
    assert asked.port == 36


@pytest.mark.parametrize("step", [1, 2, 7, 49, 50, 51])
def test_the_handshake_survives_any_split(step: int) -> None:
    side, responder = dialler(), bob()
    to_responder, to_dialler = side.start(), b""
    while True:
        assert to_responder or to_dialler
        chunk, to_responder = to_responder[:step], to_responder[step:]
        for output in responder.feed(chunk) if chunk else []:
            to_dialler += output.data if isinstance(output, Send) else responder.accept()[0]
        chunk, to_dialler = to_dialler[:step], to_dialler[step:]
        for answer in side.feed(chunk) if chunk else []:
            if isinstance(answer, Secured):
                return
            to_responder += answer.data


def test_every_truncation_waits() -> None:
    side, responder = dialler(), bob()
    first = side.start()
    for size in range(len(first)):
        assert bob().feed(first[:size]) == []
    (offer,) = responder.feed(first)
    assert isinstance(offer, Send)
    for size in range(1, len(offer.data)):
        fresh = dialler()
        fresh.start()
        assert fresh.feed(offer.data[:size]) == []
    (third,) = side.feed(offer.data)
    assert isinstance(third, Send)
    assert responder.feed(third.data[:-1]) == []
    assert len(responder.feed(third.data[-1:])) == 1
    answer, _ = responder.accept()
    assert side.feed(answer[:3]) == []
    assert side.feed(answer[3:-1]) == []
    assert len(side.feed(answer[-1:])) == 1


@given(st.binary(max_size=200))
def test_random_bytes_wait_or_end_it(data: bytes) -> None:
    side = dialler()
    side.start()
    for each in (bob(), side):
        try:
            assert each.feed(data) == []
        except PeerError:
            pass


@given(st.binary(min_size=48, max_size=48))
def test_random_bytes_of_the_right_length_end_it(data: bytes) -> None:
    with pytest.raises(PeerError):
        bob().feed(framed(data))
    side = dialler()
    side.start()
    with pytest.raises(PeerError):
        side.feed(framed(data))


@pytest.mark.parametrize("size", [0, 47, 49, 65535])
def test_a_length_out_of_bounds_is_refused_by_its_two_bytes(size: int) -> None:
    with pytest.raises(WireError, match="48 to 48"):
        bob().feed(size.to_bytes(2, "big"))
    side = dialler()
    side.start()
    if not 48 <= size <= 560:
        with pytest.raises(WireError, match="48 to 560"):
            side.feed(size.to_bytes(2, "big"))


def test_dialling_bob_and_reaching_carol_is_refused() -> None:
    with pytest.raises(TagError):
        Responder(CAROL, ciphers=AES_FIRST).feed(dialler().start())


def test_another_version_of_the_mesh_is_refused() -> None:
    noise = noise_to_bob(prologue=b"viscript mesh 2XK" + BOB.public_key)
    with pytest.raises(TagError):
        bob().feed(framed(noise.write()))


def test_a_first_message_never_has_a_payload() -> None:
    with pytest.raises(WireError, match="48 to 48"):
        bob().feed(framed(noise_to_bob().write(b"x")))


def test_a_key_that_was_not_proven_is_refused() -> None:
    with pytest.raises(TagError, match="not the key that was proven"):
        bob_hearing(request(key=CAROL.public_key))


def test_a_key_with_bit_255_set_is_refused() -> None:
    with pytest.raises(WireError, match="bit 255"):
        bob_hearing(request(key=STRANGE.public_key), static=STRANGE)
    with pytest.raises(BadKey, match="bit 255"):
        dialler(STRANGE.public_key)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        request(cipher="none"),
        request(cipher="x" * 33),
        request(port=65536),
        request(port=-1),
        request(key=b"short"),
        payloads.encode({"port": 45}),
    ],
)
def test_a_request_of_another_form_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError):
        bob_hearing(payload)


@given(st.binary(max_size=100))
def test_random_requests_are_refused(payload: bytes) -> None:
    with pytest.raises(PeerError):
        bob_hearing(payload)


def test_an_honest_request_by_hand_is_heard() -> None:
    assert bob_hearing(request(tomorrow=1)) == [Asked(ALICE.public_key, 45, payloads.EMPTY)]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        payloads.encode({"version": 1, "ciphers": []}),
        payloads.encode({"version": 1, "ciphers": ["rot13"]}),
        payloads.encode({"version": 0, "ciphers": ["aes-256-gcm"]}),
        payloads.encode({"version": 1, "ciphers": ["aes-256-gcm"] * 9}),
    ],
)
def test_an_offer_nobody_can_take_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError):
        alice_hearing(payload)


def test_a_version_of_tomorrow_is_taken_in_the_same_mesh() -> None:
    (out,) = alice_hearing(payloads.encode(Offer(2, ("chacha20-poly1305", "quantum-9"))))
    assert isinstance(out, Send)


def test_who_speaks_out_of_turn_is_refused() -> None:
    with pytest.raises(WireError, match="the initiator spoke out of turn"):
        bob().feed(dialler().start() + b"x")
    side, responder = dialler(), bob()
    (offer,) = responder.feed(side.start())
    assert isinstance(offer, Send)
    with pytest.raises(WireError, match="the responder spoke out of turn"):
        side.feed(offer.data + b"x")
    side, responder = dialler(), bob()
    (offer,) = responder.feed(side.start())
    assert isinstance(offer, Send)
    (third,) = side.feed(offer.data)
    assert isinstance(third, Send)
    with pytest.raises(WireError, match="before it was answered"):
        responder.feed(third.data + b"x")


def test_a_refusal_carries_its_code_and_sentence() -> None:
    _, side, responder = run_to_asked(dialler(), bob())
    with pytest.raises(Refused, match="not-allowed: ask the owner") as caught:
        side.feed(responder.refuse("not-allowed", "ask the owner"))
    assert caught.value.code == "not-allowed"


def test_a_refusal_without_a_word_is_one_all_the_same() -> None:
    _, side, responder = run_to_asked(dialler(), bob())
    with pytest.raises(Refused, match="refused"):
        side.feed(responder.refuse(""))


def test_a_refusal_too_long_is_cut() -> None:
    _, side, responder = run_to_asked(dialler(), bob())
    with pytest.raises(Refused) as caught:
        side.feed(responder.refuse("c" * 100, "t" * 1000))
    assert (len(caught.value.code), len(caught.value.text)) == (64, 512)


def test_records_right_behind_the_answer_are_kept() -> None:
    _, side, responder = run_to_asked(dialler(), bob())
    data, theirs = responder.accept()
    behind = theirs.sealer.record(b"first")
    (ours,) = side.feed(data + behind)
    assert isinstance(ours, Secured)
    assert ours.leftover == behind


def test_an_answer_that_was_changed_or_is_too_long_is_refused() -> None:
    _, side, responder = run_to_asked(dialler(), bob())
    data, _ = responder.accept()
    with pytest.raises(TagError):
        side.feed(data[:-1] + bytes([data[-1] ^ 1]))
    _, side, _ = run_to_asked(dialler(), bob())
    with pytest.raises(WireError, match="1 to 9216"):
        side.feed((handshake.MAX_ANSWER + 1).to_bytes(4, "big"))


def test_nothing_is_decided_twice_or_before_it_was_asked() -> None:
    with pytest.raises(CallerError, match="nothing is asked"):
        bob().accept()
    _, side, responder = run_to_asked(dialler(), bob())
    with pytest.raises(CallerError, match="accept"):
        responder.feed(b"x")
    data, _ = responder.accept()
    with pytest.raises(CallerError, match="it was answered"):
        responder.refuse("late")
    side.feed(data)
    with pytest.raises(CallerError, match="is over"):
        side.feed(b"x")


def test_arguments_and_answers_have_a_bound() -> None:
    with pytest.raises(CallerError, match="at most 8192"):
        dialler(args=Long("x" * 9000))
    _, _, responder = run_to_asked(dialler(args=Long("x" * 8000)), bob())
    with pytest.raises(CallerError, match="at most 9216"):
        responder.accept(Long("x" * 9300))


def test_the_messages_stay_small() -> None:
    assert len(payloads.encode(Offer(1, ("x" * 32,) * 8))) + 48 <= handshake.MAX_OFFER
    assert len(payloads.encode(Answer(code="c" * 64, text="é" * 512))) <= handshake.MAX_ANSWER
    whole = Request(bytes(32), "c" * 32, 65535, msgspec.Raw(b"x" * handshake.MAX_ARGS))
    assert len(payloads.encode(whole)) + 64 <= handshake.MAX_REQUEST


def test_the_opener_is_ready_for_a_reader() -> None:
    ours, _ = secured_pair()
    assert isinstance(ours.opener, Opener)
