import inspect

from signal_bus.delegate import Admission, BaseDelegate, Delegate, Peer, Refusal
from signal_bus.ids import Generation, SeqId, Session
from signal_bus.messages import Hello, VerbRequest

PEER = Peer(door="apps")


def test_the_base_has_every_method_of_the_protocol() -> None:
    asked = {name for name in vars(Delegate) if not name.startswith("_")}
    assert asked == {name for name in vars(BaseDelegate) if not name.startswith("_")}
    for name in asked:
        assert inspect.signature(getattr(Delegate, name)) == inspect.signature(getattr(BaseDelegate, name)), (
            name
        )


def test_by_default_a_claimed_id_is_admitted_and_an_external_program_is_not() -> None:
    claim = Hello(session=Session("session-1"), seq=SeqId(7), generation=Generation(2))
    assert BaseDelegate().admit(claim, PEER) == Admission(SeqId(7), Generation(2))
    refusal = BaseDelegate().admit(Hello(session=Session("session-1")), PEER)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "not-allowed"


async def test_by_default_there_are_no_verbs() -> None:
    reply = await BaseDelegate().verb(VerbRequest(argv=("fly",)))
    assert reply.code == 2
    assert "fly" in reply.err
