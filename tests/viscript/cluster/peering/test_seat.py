"""An order of the gateway to a host of its own cluster."""

import asyncio
import struct
from collections.abc import AsyncIterator

import msgspec
import pytest

from signal_bus.ids import PublicKey
from tests.support.clusters import End, GuestHost, GuestLinks, stream
from tests.support.paired import until
from viscript.cluster.links.api import Caller, HostAway, StreamRefused
from viscript.cluster.peering import seat
from viscript.cluster.peering.framing import BadOrder
from viscript.cluster.peering.seat import Order, pass_to, serve
from viscript.cluster.peering.terms import Share
from viscript.daemon.tasks import Tasks
from viscript.verbs.table import Role

THEM = "3f" * 32
PLAIN = {"cluster": THEM, "share": {}, "argv": ["la"], "timeout": 1}
OPERATE = Share(apps=("web",), role=Role.OPERATE)


def order(*argv: str, share: Share = OPERATE, **more: object) -> Order:
    return Order(cluster=THEM, share=share, argv=argv, **{"timeout": 5.0, **more})  # type: ignore[arg-type]  # any field


def caller(role: Role = Role.ADMIN) -> Caller:
    return Caller(key=PublicKey(bytes(32)), label="gateway", role=role)


def framed(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    async with Tasks() as made:
        yield made


async def test_an_order_is_done_there_and_its_answer_comes_back(tasks: Tasks) -> None:
    host = GuestHost("m2", "web", "db")
    links = GuestLinks(tasks, host)
    done = await pass_to(links, host.row, order("la"))
    assert (done.code, len(msgspec.json.decode(done.out))) == (0, 1)
    assert (await pass_to(links, host.row, order("ping", "db"))).code == 7
    assert links.kinds == ["guest", "guest"]
    host.world.audit.close()


async def test_nobody_gets_more_through_a_gateway_than_it_may_itself(tasks: Tasks) -> None:
    host = GuestHost("m2", "web", role=Role.VIEW)
    done = await pass_to(GuestLinks(tasks, host), host.row, order("restart", "web"))
    assert (done.code, "the gateway has the role view here" in done.err) == (7, True)
    assert host.world.fake.asked == []
    host.world.audit.close()


async def test_a_command_is_given_up_when_the_gateway_hangs_up(tasks: Tasks) -> None:
    host = GuestHost("m2", "web")
    host.world.fake.hold = asyncio.Event()
    near, far = stream()
    task = tasks.run(serve(host.guests, far, caller()))
    await near.write(framed(msgspec.msgpack.encode(order("restart", "web"))))
    await until(lambda: bool(host.world.fake.asked))
    await near.close("left", "over")
    await task
    assert host.world.fake.finished == []
    host.world.audit.close()


async def test_a_command_that_takes_too_long_is_ended(tasks: Tasks) -> None:
    host = GuestHost("m2", "web")
    host.world.fake.hold = asyncio.Event()
    done = await pass_to(GuestLinks(tasks, host), host.row, order("restart", "web", timeout=0.05))
    assert done.code == 8
    host.world.audit.close()


@pytest.mark.parametrize(
    "data",
    [
        framed(b""),
        framed(b"\xc0"),
        framed(msgspec.msgpack.encode({**PLAIN, "cluster": "x"})),
        framed(
            msgspec.msgpack.encode(
                {"cluster": THEM, "share": {"role": "admin"}, "argv": ["la"], "timeout": 1}
            )
        ),
        framed(b"\xc0") + b"more",
        struct.pack(">I", seat.ORDER_BYTES + 1),
    ],
)
async def test_what_is_no_order_is_refused(data: bytes) -> None:
    host = GuestHost("m2", "web")
    near, far = stream()
    await near.write(data)
    with pytest.raises(BadOrder):
        await serve(host.guests, far, caller())
    host.world.audit.close()


async def test_an_order_that_is_not_whole_is_none() -> None:
    host = GuestHost("m2", "web")
    near, far = stream()
    await near.write(b"\x00\x00")
    near.end()
    with pytest.raises(BadOrder, match="before all of it"):
        await serve(host.guests, far, caller())
    host.world.audit.close()


class Refusing:
    """Links to a host that answers with what it is given."""

    def __init__(self, *answers: bytes | Exception) -> None:
        self.near, self.far = stream()
        for answer in answers:
            self.near._inbox.put_nowait(answer)

    async def open(self, *args: object) -> End:
        return self.near


@pytest.mark.parametrize(
    "answer, fault",
    [
        (StreamRefused("unsupported", ""), StreamRefused),
        (HostAway("m2", PublicKey(bytes(32)), "gone"), HostAway),
        (framed(b"\xc0"), BadOrder),
        (framed(msgspec.msgpack.encode({"code": 900})), BadOrder),
        (b"", BadOrder),
    ],
)
async def test_a_host_that_does_not_answer_is_said(answer: bytes | Exception, fault: type[Exception]) -> None:
    links = Refusing(answer)
    with pytest.raises(fault):
        await pass_to(links, GuestHost("m2").row, order("la"))  # type: ignore[arg-type]  # enough of links
    assert links.near.closed == ("left", "the caller has left")
