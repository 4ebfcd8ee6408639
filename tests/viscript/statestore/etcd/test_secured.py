"""TLS both ways, users and permissions, on a real etcd that insists on all of them."""

from __future__ import annotations

import asyncio
import re
import ssl
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.support.certificates import Authority
from tests.support.etcd import PROGRAM, Etcd, etcd_cluster, program_of_3_5
from tests.support.stores import batches_of, etcd_store
from viscript.statestore.access import Access
from viscript.statestore.api import Delete, Put, absent
from viscript.statestore.derived import Writes
from viscript.statestore.election import elect
from viscript.statestore.errors import Refused, StateStoreError, StoreAway

OURS = "/viscript/home"
QUICK_S = 1.5


def b64(text: str) -> str:
    return b64encode(text.encode()).decode()


class Secured:
    """The engine, and what gets one in."""

    def __init__(self, etcd: Etcd, folder: Path) -> None:
        self.etcd = etcd
        self.folder = folder
        self.member = etcd.members[0]

    def access(self, password: str = "right", **more: str) -> Access:
        files = {"ca": "ca.pem", "cert": "us.pem", "key": "us.key"} | more
        paths = {name: str(self.folder / file) if file else "" for name, file in files.items()}
        return Access(**paths, tls=True, user="viscript", password=password)

    def as_root(self, path: str, **body: object) -> None:
        self.all_as_root([(path, body)])

    def all_as_root(self, calls: list[tuple[str, dict[str, object]]]) -> None:
        told = self.member.call("auth/authenticate", {"name": "root", "password": "rootpw"})
        for path, body in calls:
            self.member.call(path, body, told["token"])


@pytest.fixture(scope="module", params=["3.4", "3.5"])
def secured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder)
    server, us = authority.make("server"), authority.make("us")
    authority.make("named", named=True)
    Authority(folder, "stranger").make("other")
    context = ssl.create_default_context(cafile=str(authority.ca))
    context.load_cert_chain(us, us.with_suffix(".key"))
    options = (
        *("--cert-file", str(server), "--key-file", str(server.with_suffix(".key"))),
        *("--client-cert-auth", "--trusted-ca-file", str(authority.ca)),
        *("--bcrypt-cost", "4"),  # the passwords here guard nothing
    )
    program = PROGRAM if request.param == "3.4" else program_of_3_5()
    with etcd_cluster(1, scheme="https", options=options, context=context, program=program) as etcd:
        made = Secured(etcd, folder)
        for path, body in USERS:
            made.member.call(f"auth/{path}", body)
        yield made


USERS: list[tuple[str, dict[str, object]]] = [
    ("user/add", {"name": "root", "password": "rootpw"}),
    ("role/add", {"name": "root"}),
    ("user/grant", {"user": "root", "role": "root"}),
    ("user/add", {"name": "viscript", "password": "right"}),
    ("role/add", {"name": "viscript"}),
    ("user/grant", {"user": "viscript", "role": "viscript"}),
    (
        "role/grant",
        {
            "name": "viscript",
            "perm": {"permType": "READWRITE", "key": b64(f"{OURS}/"), "range_end": b64(f"{OURS}0")},
        },
    ),
    ("enable", {}),
]


async def test_all_of_the_contract_is_open_to_the_right_user(secured: Secured) -> None:
    async with etcd_store(secured.etcd.url(OURS), secured.access()) as store:
        writes = Writes(store)
        first = await writes.create("a", b"1")
        assert first is not None
        await writes.put("a", b"2")
        lease = await store.lease(30)
        elected = await elect(store, "leader", b"me", lease.id)
        assert elected.lease == lease.id
        assert await store.keepalive(lease.id) == 30
        assert len(await batches_of(store, "a", first, 2)) == 2
        await store.revoke(lease.id)
        assert await store.get("leader") is None
        assert await writes.delete("a")
        await writes.close()
        assert (await store.range("")).items == ()
        standing = await store.look()
        assert standing.ok, standing


async def test_a_prefix_of_others_is_refused(secured: Secured) -> None:
    async with etcd_store(secured.etcd.url("/viscript/other"), secured.access()) as store:
        for ask in (store.get("a"), store.range(""), store.txn((absent("a"),), (Put("a", b""),))):
            with pytest.raises(Refused, match="permission denied"):
                await ask
        with pytest.raises(Refused):
            await batches_of(store, "", 1, 1)
        standing = await store.look()
        assert not standing.ok
        assert "permission denied" in standing.text


async def test_a_wrong_password_is_refused(secured: Secured) -> None:
    async with etcd_store(secured.etcd.url(OURS), secured.access("wrong")) as store:
        with pytest.raises(Refused, match="authentication failed"):
            await store.get("a")


async def test_without_a_user_we_are_refused(secured: Secured) -> None:
    access = Access(ca=str(secured.folder / "ca.pem"), cert=str(secured.folder / "us.pem"),
                    key=str(secured.folder / "us.key"))  # fmt: skip
    async with etcd_store(secured.etcd.url(OURS), access) as store:
        with pytest.raises(Refused):
            await store.get("a")
        with pytest.raises(Refused):
            await store.txn((), (Put("a", b""),))


@pytest.mark.parametrize(
    "files, why",
    [
        ({"cert": "", "key": ""}, "certificate"),
        ({"cert": "other.pem", "key": "other.key"}, "certificate|unknown ca"),
        ({"ca": "stranger.pem"}, "is not trusted"),
    ],
)
async def test_certificates_of_strangers_get_nowhere(
    secured: Secured, files: dict[str, str], why: str
) -> None:
    async with etcd_store(secured.etcd.url(OURS), secured.access(**files)) as store:
        read, write = await asyncio.gather(
            store.get("a", timeout=QUICK_S),
            store.txn((), (Put("a", b""),), timeout=QUICK_S),
            return_exceptions=True,
        )
    assert isinstance(read, StoreAway)
    assert isinstance(write, StateStoreError)
    for fault in (read, write):
        assert re.search(why, str(fault))


async def test_a_certificate_with_a_common_name_is_refused_with_the_reason(secured: Secured) -> None:
    access = secured.access(cert="named.pem", key="named.key")
    async with etcd_store(secured.etcd.url(OURS), access) as store:
        with pytest.raises(Refused, match="certificates without a CommonName only"):
            await store.get("a")


async def test_without_tls_there_is_no_answer(secured: Secured) -> None:
    async with etcd_store(secured.etcd.url(OURS), Access(user="viscript", password="right")) as store:
        with pytest.raises(StoreAway):
            await store.get("a", timeout=QUICK_S)


async def test_a_token_that_the_engine_forgot_is_renewed(secured: Secured) -> None:
    async with etcd_store(secured.etcd.url(OURS), secured.access()) as store:
        await store.txn((), (Put("a", b"1"),))
        secured.member.kill()  # it keeps its tokens in memory
        secured.etcd.start(secured.member)
        await asyncio.to_thread(secured.etcd.wait_healthy)
        item = await store.get("a", timeout=30)
        assert item is not None
        assert (await store.txn((), (Put("a", b"2"),))).ok
        assert len(await batches_of(store, "a", item.revision, 2)) == 2


async def test_rights_that_change_while_we_are_connected_count_at_once(secured: Secured) -> None:
    async with etcd_store(secured.etcd.url(OURS), secured.access()) as store:
        await store.txn((), (Put("a", b"1"),))
        revoked = {"user": "viscript", "role": "viscript"}
        await asyncio.to_thread(lambda: secured.as_root("auth/user/revoke", name="viscript", role="viscript"))
        with pytest.raises(Refused):
            await store.get("a")
        await asyncio.to_thread(lambda: secured.as_root("auth/user/grant", **revoked))
        assert await store.get("a") is not None
        assert (await store.txn((), (Put("a", b"2"),))).ok


HOST, OTHER = "11" * 32, "22" * 32
# As docs/guide/store.md has it: what is behind a prefix, and what a host with the role view may do there.
OF_EVERY_HOST: list[tuple[str, str]] = [
    ("READ", ""),
    *(("READWRITE", key) for key in ("run/", "lock/", "requests/", "assign/", "leader")),
]
OF_ONE_HOST: list[tuple[str, str]] = [
    *(("READWRITE", key) for key in (f"alive/{HOST}", f"observed/{HOST}/", f"audit/{HOST}/")),
]


def granted(role: str, rights: list[tuple[str, str]]) -> Iterator[tuple[str, dict[str, object]]]:
    """The calls that make such a role."""
    yield "auth/role/add", {"name": role}
    for kind, prefix in rights:
        first = f"{OURS}/{prefix}"
        last = first[:-1] + chr(ord(first[-1]) + 1)
        perm = {"permType": kind, "key": b64(first), "range_end": b64(last)}
        yield "auth/role/grant", {"name": role, "perm": perm}


@pytest.fixture(scope="module")
def viewer(secured: Secured) -> Access:
    """The user of one host, which operates nothing."""
    calls = [*granted("viscript-host", OF_EVERY_HOST), *granted("viscript-beta", OF_ONE_HOST)]
    calls.append(("auth/user/add", {"name": "beta", "password": "betapw"}))
    roles = ("viscript-host", "viscript-beta")
    calls.extend(("auth/user/grant", {"user": "beta", "role": role}) for role in roles)
    secured.all_as_root(calls)
    return msgspec.structs.replace(secured.access("betapw"), user="beta")


async def test_the_user_of_a_host_does_all_that_a_host_does(secured: Secured, viewer: Access) -> None:
    async with etcd_store(secured.etcd.url(OURS), viewer) as store:
        lease = await store.lease(30)
        for key in ("run/web/1", "lock/a", f"alive/{HOST}", f"observed/{HOST}/7", "leader"):
            assert (await elect(store, key, b"beta", lease.id)).lease == lease.id
        await Writes(store).put("assign/web/1", b"")
        await store.txn((absent(f"audit/{HOST}/01"),), (Put(f"audit/{HOST}/01", b""),))
        assert await store.get("desired/web") is None
        assert (await store.look()).ok
        await store.revoke(lease.id)
        assert await store.get(f"alive/{HOST}") is None


async def test_the_user_of_a_host_writes_no_order_and_nothing_of_another_host(
    secured: Secured, viewer: Access
) -> None:
    keys = ("desired/web", f"orders/{HOST}", f"alive/{OTHER}", f"observed/{OTHER}/7", f"audit/{OTHER}/01")
    async with etcd_store(secured.etcd.url(OURS), viewer) as store:
        for key in keys:
            for operation in (Put(key, b""), Delete(key)):
                with pytest.raises(Refused, match="permission denied"):
                    await store.txn((), (operation,))


async def test_the_lease_of_a_host_that_lives_is_ended_by_no_other(secured: Secured, viewer: Access) -> None:
    async with (
        etcd_store(secured.etcd.url(OURS), secured.access()) as whole,
        etcd_store(secured.etcd.url(OURS), viewer) as store,
    ):
        lease = await whole.lease(30)
        await whole.txn((), (Put(f"alive/{OTHER}", b"", lease.id), Put("run/web/2", b"", lease.id)))
        with pytest.raises(Refused, match="permission denied"):
            await store.revoke(lease.id)
        assert await whole.get("run/web/2") is not None
        await whole.revoke(lease.id)
