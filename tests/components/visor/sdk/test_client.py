"""Apps over two real visors' data planes: streams, messages, refusals, breaks, and the end of an app."""

import asyncio
import hashlib
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from components.mesh import keys
from components.visor.app import (
    App,
    DialTimeout,
    Misuse,
    NoVisor,
    PeerRefused,
    PortTaken,
    Refused,
    StreamReset,
    TooMany,
    UnknownName,
    Unreachable,
    VisorGone,
)
from components.visor.apps.limits import Bounds
from components.visor.apps.node import Named
from components.visor.apps.server import AppServer
from components.visor.book import Book
from signal_bus.ids import PublicKey
from tests.support.appnet import Mesh, Net, joined
from tests.support.mesh import ALICE, BOB, CAROL

A, B = ALICE.public_key, BOB.public_key
BOUNDS = Bounds(apps=3, ports=3, streams=4, dials=2, dial_s=0.5)


pytestmark = pytest.mark.usefixtures("whole")


@pytest.fixture
async def net(short_tmp: Path) -> AsyncIterator[Net]:
    async with joined(short_tmp, BOUNDS) as made:
        yield made


async def test_a_stream_carries_both_ways_and_each_end_is_passed_on(near: App, far: App) -> None:
    async with far.listen(7) as listener:  # noqa: SIM117 (two ideas)
        async with await near.dial(B, 7) as ours, await listener.accept() as theirs:
            assert (theirs.peer, theirs.port, theirs.rport) == (A, 7, ours.port)
            ours.write(b"hello\nworld")
            ours.write_eof()
            assert await theirs.readline() == b"hello\n"
            assert await theirs.read() == b"world"
            theirs.write(b"good bye")
            theirs.write_eof()
            assert await ours.read() == b"good bye"
            assert ours.at_eof()


async def test_megabytes_arrive_whole_through_a_slow_reader(near: App, far: App) -> None:
    data = os.urandom(3_000_000)
    async with far.listen(7) as listener, await near.dial(B, 7) as ours, await listener.accept() as theirs:

        async def pour() -> None:
            for at in range(0, len(data), 100_000):
                ours.write(data[at : at + 100_000])
                await ours.drain()
            ours.write_eof()

        async with asyncio.TaskGroup() as group:
            group.create_task(pour())
            got = await theirs.read()
    assert hashlib.sha256(got).digest() == hashlib.sha256(data).digest()


async def test_streams_are_iterated_over(near: App, far: App) -> None:
    async def serve() -> None:
        async for stream in far.listen(7):
            async with stream:
                async for line in stream:
                    stream.write(line.upper())

    async with asyncio.TaskGroup() as group:
        server = group.create_task(serve())
        await far.describe()  # so the port was asked for
        for _ in range(3):
            async with await near.dial(B, 7) as stream:
                stream.write(b"abc\n")
                assert await stream.readline() == b"ABC\n"
        server.cancel()


async def test_nobody_on_the_port_is_said_at_once(near: App, far: App) -> None:
    with pytest.raises(PeerRefused, match="nobody listens on port 9"):
        await near.dial(B, 9)


async def test_a_peer_without_a_way_is_unreachable(near: App) -> None:
    with pytest.raises(Unreachable):
        await near.dial(CAROL.public_key.hex(), 7)


async def test_what_is_no_key_or_no_port_is_refused_here(near: App) -> None:
    with pytest.raises(Misuse, match="no public key"):
        await near.dial("ab" * 32 + "zz", 7)
    with pytest.raises(Misuse, match="no port"):
        await near.dial(B, 0)
    with pytest.raises(Misuse, match="no port"):
        near.listen(65536)
    with pytest.raises(Misuse, match="dial for more"):
        await near.send(B, 7, bytes(32_769))


async def test_the_policy_reaches_the_mesh(net: Net, near: App, far: App) -> None:
    async with far.listen(7) as listener:
        await near.dial(B, 7, min_hops=2, hops=(CAROL.public_key,), group="bulk")
        (await listener.accept()).close()
    policy = net.alice.policies[0]
    assert (policy.min_hops, policy.through, policy.group) == (2, (CAROL.public_key,), "bulk")
    assert net.alice.linked == []


async def test_a_dial_may_ask_for_a_link_first(net: Net, near: App, far: App) -> None:
    async with far.listen(7) as listener:
        (await near.dial(B, 7, link=True)).close()
        (await listener.accept()).close()
    assert net.alice.linked == [B]


async def test_a_break_is_no_end(near: App, far: App) -> None:
    async with far.listen(7) as listener, await near.dial(B, 7) as ours, await listener.accept() as theirs:
        theirs.write(b"half")
        assert await ours.readexactly(4) == b"half"
        await theirs.abort(300)
        with pytest.raises(StreamReset, match="its code 300") as caught:
            await ours.read()
        assert caught.value.code == 300


async def test_two_apps_of_one_visor_need_no_mesh(net: Net, near: App) -> None:
    async with App.connect(str(net.here), name="other") as other, other.listen(5) as listener:
        async with await near.dial(A, 5) as ours, await listener.accept() as theirs:
            ours.write(b"x" * 10)
            ours.write_eof()
            assert await theirs.read() == b"x" * 10
            assert theirs.peer == A
        with pytest.raises(PeerRefused, match="nobody listens on port 6"):
            await near.dial(A, 6)
        await near.send(A, 5, b"note")
        assert (await listener.receive()).data == b"note"
    with pytest.raises(Refused, match="dropped"):
        await near.send(A, 5, b"note")


async def test_messages_come_with_the_way_to_answer(near: App, far: App) -> None:
    async with far.listen(7) as there, near.listen() as here:
        assert here.port >= 49152
        await near.send(B, 7, b"question", source=here.port)
        got = await there.receive()
        assert (got.pk, got.port, got.data) == (A, here.port, b"question")
        await far.send(got.pk, got.port, b"answer")
        assert (await here.receive()).data == b"answer"
    with pytest.raises(Refused, match="is not yours"):
        await near.send(B, 7, b"", source=here.port)


async def test_a_message_to_nowhere_is_said_to_be_dropped(near: App) -> None:
    with pytest.raises(Refused, match="dropped") as caught:
        await near.send(CAROL.public_key, 7, b"")
    assert caught.value.code == "dropped"


async def test_a_port_has_one_listener(net: Net, near: App) -> None:
    async with App.connect(str(net.here), name="other") as other, near.listen(7):
        with pytest.raises(PortTaken, match="the app near"):
            await other.listen(7)
        with pytest.raises(Misuse, match="already"):
            await near.listen(7)
    async with near.listen(7):
        assert (await near.describe()).ports == (7,)


async def test_bounds_of_ports_streams_and_apps_are_said(net: Net, near: App, far: App) -> None:
    for port in (1, 2, 3):
        await far.listen(port)
    with pytest.raises(TooMany, match="3 ports"):
        await far.listen(4)
    streams = [await near.dial(B, 1) for _ in range(4)]
    with pytest.raises(TooMany, match="4 streams"):
        await near.dial(B, 1)
    assert (await near.describe()).count == 4
    for stream in streams:
        stream.close()
    async with App.connect(str(net.here)), App.connect(str(net.here)):
        with pytest.raises(VisorGone):
            await App.connect(str(net.here)).__aenter__()


async def test_a_visor_with_too_many_streams_refuses_the_next(net: Net, far: App) -> None:
    await far.listen(1)
    async with App.connect(str(net.here)) as one, App.connect(str(net.here)) as two:
        for _ in range(4):
            await one.dial(B, 1)
        with pytest.raises(PeerRefused, match="too many streams"):
            await two.dial(B, 1)


async def test_an_app_that_dies_gives_back_all_it_had(net: Net, near: App) -> None:
    far = App.connect(str(net.there))
    async with far:
        listener = await far.listen(7)
        ours = await near.dial(B, 7)
        await listener.accept()
    ours.write(b"x")  # it is refused over there: nobody reads any more
    with pytest.raises(StreamReset):
        await ours.readexactly(1)
    ours.close()
    async with App.connect(str(net.there)) as again, again.listen(7):
        assert net.bob.server is not None
        assert len(net.bob.server.apps) == 1


async def test_a_visor_that_ends_is_noticed_everywhere(short_tmp: Path) -> None:
    client, given = socket.socketpair()
    async with joined(short_tmp) as net:
        app = await App.connect(str(net.here)).__aenter__()
        other = await App.connect(str(net.there)).__aenter__()
        there, idle = await other.listen(7), await app.listen(8)
        stream, handed = await app.dial(B, 7), await app.hand_over(given, B, 7)
        theirs = await there.accept()
    with pytest.raises(StreamReset):
        await stream.read()
    with pytest.raises(StreamReset):
        await handed.wait()
    for waits in (idle.accept(), idle.receive(), app.describe(), app.dial(B, 7)):
        with pytest.raises(VisorGone):
            await waits
    await idle.close()
    for left in (stream, theirs, client, app, other):
        left.close()


async def test_no_visor_is_said_with_what_to_do(short_tmp: Path) -> None:
    with pytest.raises(NoVisor, match="viscript start meshnet-node"):
        await App.connect(str(short_tmp / "none.sock"), patience_s=0).__aenter__()


async def test_a_socket_is_handed_over(near: App, far: App) -> None:
    client, given = socket.socketpair()
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    async with far.listen(7) as listener:
        handed = await near.hand_over(given, B, 7)
        async with await listener.accept() as theirs:
            await loop.sock_sendall(client, b"ping")
            assert await theirs.readexactly(4) == b"ping"
            theirs.write(b"answer")
            theirs.write_eof()
            client.shutdown(socket.SHUT_WR)
            assert await loop.sock_recv(client, 100) == b"answer"
            assert await loop.sock_recv(client, 100) == b""
            assert await theirs.read() == b""
        assert await handed.wait() == (4, 6)
    client.close()


async def test_a_handed_socket_is_closed_when_its_app_goes(net: Net, far: App) -> None:
    client, given = socket.socketpair()
    client.setblocking(False)
    async with far.listen(7) as listener:
        async with App.connect(str(net.here)) as app:
            handed = await app.hand_over(given, B, 7)
            stream = await listener.accept()
        assert await asyncio.get_running_loop().sock_recv(client, 10) == b""
        with pytest.raises(VisorGone):
            await handed.wait()
        with pytest.raises(StreamReset):
            await stream.read()
        stream.close()
    client.close()


async def test_what_is_no_connected_socket_is_not_taken(near: App) -> None:
    for made in (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        socket.create_server(("127.0.0.1", 0)),
    ):
        with pytest.raises(Refused) as caught:
            await near.hand_over(made, B, 7)
        assert caught.value.code == "bad-descriptor"


async def test_a_dial_that_is_given_up_leaves_nothing(net: Net, near: App, far: App) -> None:
    listener = await far.listen(7)
    for turns in range(8):
        task = asyncio.ensure_future(near.dial(B, 7))  # noqa: TID251 (awaited below)
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            await task.result().abort()
        while (await near.describe()).count:
            pass
    await listener.close()


async def test_before_it_is_connected_an_app_says_so() -> None:
    app = App.connect("/nowhere")
    for ask in (lambda: app.key, lambda: app.dial(B, 7).send(None), lambda: app.describe().send(None)):
        with pytest.raises(Misuse, match="async with"):
            ask()
    ours, theirs = socket.socketpair()
    with pytest.raises(Misuse, match="async with"):
        await app.hand_over(ours, B, 7)
    assert ours.fileno() == -1
    theirs.close()


async def test_a_dial_without_an_end_is_given_up(net: Net, near: App) -> None:
    async def never(*args: object) -> None:
        given = args[4]
        assert isinstance(given, socket.socket)
        with given:
            await asyncio.get_running_loop().create_future()

    object.__setattr__(net.alice, "dial", never)
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(expect(near, DialTimeout, "within 0.5 s")) for _ in range(2)]
        while (await near.describe()).dials < len(waiting):
            pass
        with pytest.raises(TooMany, match="2 dials"):
            await near.dial(B, 7)


async def expect(app: App, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        await app.dial(B, 7)


async def test_a_bug_in_the_mesh_is_not_the_apps_end(net: Net, near: App) -> None:
    async def broken(*args: object) -> None:
        given = args[4]
        assert isinstance(given, socket.socket)
        given.close()
        raise ZeroDivisionError

    object.__setattr__(net.alice, "dial", broken)
    with pytest.raises(Refused) as caught:
        await near.dial(B, 7)
    assert caught.value.code == "internal"
    assert (await near.describe()).count == 0


# -- names


async def test_a_text_means_a_key_a_label_or_the_first_digits_of_a_key(short_tmp: Path) -> None:
    book = Book(short_tmp / "book.json")
    book.name(B, "mike")
    async with _naming(short_tmp, book) as app:
        for text in (B.hex(), keys.hex66(B), keys.spoken(B), B.hex()[:6], "mike"):
            assert await app.resolve(text) == B
        assert (await app.meaning(B.hex()[:8])).label == "mike"
        assert (await app.meaning(A.hex())).label == ""


@pytest.mark.parametrize("text", ["nobody", "abcdef", B.hex()[:5], "../etc", "mike "])
async def test_a_text_that_means_nobody_is_refused_with_the_reason(text: str, short_tmp: Path) -> None:
    async with _naming(short_tmp, Book(short_tmp / "book.json")) as app:
        with pytest.raises(UnknownName, match=r"nobody here is called|no key known here"):
            await app.resolve(text)


async def test_a_text_that_could_mean_two_is_refused_with_both(short_tmp: Path) -> None:
    book = Book(short_tmp / "book.json")
    twins = [PublicKey(bytes.fromhex("abcdef") + bytes(28) + bytes([number])) for number in (1, 2)]
    for number, key in enumerate(twins):
        book.name(key, f"twin{number}")
    async with _naming(short_tmp, book) as app:
        with pytest.raises(UnknownName, match="could be 2 keys"):
            await app.resolve("abcdef")


@pytest.mark.parametrize("text", ["", 129 * "a"])
async def test_a_text_of_no_length_that_a_name_has_is_not_even_asked(text: str, near: App) -> None:
    with pytest.raises(Misuse, match="at most 128"):
        await near.resolve(text)


@pytest.mark.parametrize("text", ["\ud800", "mike\udcff"])
async def test_a_text_with_half_of_a_letter_is_not_even_asked(text: str, near: App) -> None:
    with pytest.raises(Misuse, match="no Unicode"):
        await near.resolve(text)


async def test_at_a_visor_without_a_book_only_keys_are_names(near: App) -> None:
    assert await near.resolve(B.hex()) == B
    with pytest.raises(Refused, match="64"):
        await near.resolve("mike")


@asynccontextmanager
async def _naming(folder: Path, book: Book) -> AsyncIterator[App]:
    def named(text: str) -> Named:
        key = book.resolve(text)
        return Named(key, book.label(key))

    path = folder / "app.sock"
    async with AppServer(path, Mesh(ALICE), names=named), App.connect(str(path), name="asks") as app:
        yield app


async def test_first_bytes_come_with_the_stream(near: App, far: App) -> None:
    async with (
        far.listen(7) as listener,
        await near.dial(B, 7, first=b"hello") as ours,
        await listener.accept() as theirs,
    ):
        assert ours.counts == (5, 0)
        ours.write(b" world")
        assert await theirs.readexactly(11) == b"hello world"


async def test_first_bytes_come_to_an_app_of_the_same_visor_too(near: App) -> None:
    async with (
        near.listen(7) as listener,
        await near.dial(A, 7, first=b"hello") as ours,
        await listener.accept() as theirs,
    ):
        ours.write_eof()
        assert await theirs.read() == b"hello"


async def test_a_socket_handed_over_keeps_what_waits_when_the_peer_refuses(near: App, far: App) -> None:
    program, sock = socket.socketpair()
    program.sendall(b"request")
    with program, sock:
        with pytest.raises(PeerRefused):
            await near.hand_over(sock.dup(), B, 8)
        async with far.listen(7) as listener:
            await near.hand_over(sock, B, 7)
            async with await listener.accept() as stream:
                assert await stream.readexactly(7) == b"request"
                program.sendall(b"more")
                assert await stream.readexactly(4) == b"more"
