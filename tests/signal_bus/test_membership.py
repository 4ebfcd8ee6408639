from pathlib import Path

from signal_bus.codec import encode
from signal_bus.envelope import Fault
from signal_bus.ids import Generation, SeqId
from signal_bus.membership import Membership
from signal_bus.messages import Body, Error, EventNote, Hello, Ok, Ready, Welcome
from signal_bus.session import Phase
from signal_bus.testing import apps_endpoint, settings_for, until
from tests.support.routers import Router


def member(folder: Path, announced: list[Body], taken: list[str]) -> Membership:
    made: list[Membership] = []
    made.append(
        Membership(
            settings_for(folder),
            hello=lambda: Hello(session=made[0].session, seq=SeqId(7)),
            announce=lambda: announced,
            take=lambda packet: taken.append(packet.kind.tag),
        )
    )
    return made[0]


WELCOME = Welcome(seq=SeqId(7), generation=Generation(1))


async def test_requests_wait_for_the_welcome_and_are_asked_again_after_a_break(short_tmp: Path) -> None:
    taken: list[str] = []
    one = member(short_tmp, [Ready()], taken)
    async with Router(apps_endpoint(short_tmp)) as router, router.running(one) as tasks:
        hello = await router.receive("hello")
        assert not one.settled.is_set()
        asked = tasks.create_task(one.ask(Ready(), Ok))
        router.send(encode(WELCOME, re=hello.envelope.id))
        first = await router.receive("ready")
        assert one.phase is Phase.JOINED
        router.send(encode(Error(), re=first.envelope.id, err=Fault("not-joined")))
        await router.receive("hello")  # on the same connection
        router.send(encode(WELCOME))
        announced = await router.receive("ready")
        assert announced.envelope.id == ""
        again = await router.receive("ready")
        assert again.envelope.id == first.envelope.id
        router.send(encode(Ok(), re=again.envelope.id))
        assert await asked == Ok()
        router.send(encode(EventNote(topic="x")))
        await until(lambda: taken == ["event"])


async def test_messages_nobody_understands_are_answered_and_survived(short_tmp: Path) -> None:
    one = member(short_tmp, [], [])
    async with Router(apps_endpoint(short_tmp)) as router, router.running(one):
        await router.receive("hello")
        router.send(encode(WELCOME))
        await until(lambda: one.phase is Phase.JOINED)
        router.send(b"garbage")
        router.send(b'{"t":"teleport","id":"5"}')
        answer = await router.receive("error")
        assert answer.envelope.re == "5"
        assert answer.envelope.err is not None
        assert answer.envelope.err.code == "unsupported"
        router.send(encode(Error(), re="nobody asked", err=Fault("busy")))
        router.send(encode(Ok(), re="nobody asked"))
        assert one.phase is Phase.JOINED


async def test_nothing_is_sent_before_the_welcome(short_tmp: Path) -> None:
    one = member(short_tmp, [], [])
    assert not one.send(b"x")
    assert "not tried yet" in str(one.trouble)
