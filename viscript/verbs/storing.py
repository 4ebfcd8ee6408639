"""`store status`, `store migrate`: where the state of a cluster is kept. The copying: local/migrating."""

from __future__ import annotations

from typing import Final

from viscript.errors import ExitCode, VerbError
from viscript.statestore.rows import Migrated, StoreMember, StoreStatus
from viscript.verbs.reach import daemon
from viscript.verbs.table import Arg, Call, Option, Outcome, Role, Verb

NO_FAILOVER: Final = (
    "it has no failover: while the host that keeps it is away, orders wait, exclusive apps end"
    " within 8 s, nothing moves off a host that is lost, and all else runs on"
)


async def status(call: Call) -> Outcome:
    """How the store stands; one that nobody has used yet is not opened for that."""
    store = daemon(call).store
    if store is None:
        raise VerbError(ExitCode.FAILED, "this daemon holds no state store")
    if not store.used:
        row = StoreStatus(store=store.name, ok=True, text=store.standing())
        return Outcome(data=row, text=f"{row.store}: {row.text}")
    found = await store.look(timeout=call.args["timeout"])
    members = tuple(StoreMember(member=one.name, ok=one.ok, text=one.text) for one in found.members)
    able = store.capabilities()
    row = StoreStatus(
        store=store.name, ok=found.ok, text=found.text, members=members, failover=able.survives_a_host
    )
    lines = [f"{row.store}: {row.text}"]
    lines += [f"  {one.member}  {'' if one.ok else 'DOWN  '}{one.text}" for one in members]
    notes = (NO_FAILOVER,) if able.several_hosts and not able.survives_a_host else ()
    return Outcome(
        data=row, text="\n".join(lines), notes=notes, code=ExitCode.DONE if found.ok else ExitCode.FAILED
    )


VERBS = (
    Verb(
        name="store status",
        group="hosts",
        summary="how the state store of the cluster stands; exit 1 when it is away",
        examples=("store status", "store status -o json"),
        options=(
            Option(
                flags=("-t", "--timeout"), name="timeout", kind="seconds", default=3.0, at_least=0.1,
                metavar="S", help="how long each member is waited for (3s)",
            ),
        ),
        result=StoreStatus,
        name_of=lambda row: row.store,
        handler=status,
    ),
    Verb(
        name="store migrate",
        group="hosts",
        summary="copy all of one state store into another",
        help=(
            "Every key is copied and read back; run again after a failure, it goes on where it was. Keys"
            " under a lease are left out: their holders write them anew. A key that differs in the store"
            " copied to ends it, unless --force. Daemons that use either store are to be stopped (their apps"
            " go on); --force copies beside this one. How to reach a store that `store:` of the configuration"
            " does not name is said by the options."
        ),
        examples=(
            "viscript store migrate sqlite:// 'etcd://10.0.0.1,10.0.0.2,10.0.0.3?prefix=/viscript/home'",
        ),
        args=(
            Arg(name="from", help="the store to read, such as sqlite://"),
            Arg(name="to", help="the store to write"),
        ),
        options=(
            Option(flags=("--force",), name="force", flag=True, help="beside a daemon; replace what differs"),
            Option(flags=("--config",), name="config", kind="path", metavar="FILE", help="whose `store:`"),
            Option(flags=("--user",), name="user", metavar="U", help="the user of an engine"),
            Option(flags=("--password-file",), name="password_file", kind="path", metavar="F",
                   help="a file with its password"),
            Option(flags=("--ca",), name="ca", kind="path", metavar="F", help="who signs its certificates"),
            Option(flags=("--cert",), name="cert", kind="path", metavar="F", help="our certificate"),
            Option(flags=("--key",), name="key", kind="path", metavar="F", help="its key"),
        ),
        result=Migrated,
        name_of=lambda row: str(row.copied),
        role=Role.ADMIN,
        where="client",
    ),
)  # fmt: skip
