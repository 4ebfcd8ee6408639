from dataclasses import replace
from typing import Any

import pytest

from plugins import forward, mesh, skychat, socks, terminal, vpn
from tests.support.fake_world import FakeWorld, instance
from tests.support.verbs import say
from viscript.config.model import App
from viscript.errors import ExitCode, VerbError
from viscript.pluginhost import entries
from viscript.pluginhost.running import run_verb
from viscript.supervisor.api import AppEntry
from viscript.verbs.core import VERBS
from viscript.verbs.roles import check_role, is_far, needed_role, permits
from viscript.verbs.table import Arg, Call, Outcome, Role, Table, Verb

KEY = "3f" * 32
ROLES = (Role.VIEW, Role.OPERATE, Role.ADMIN)
PLUGINS = (mesh, terminal, skychat, socks, vpn, forward)
VALUES = {
    "int": "3", "float": "1", "seconds": "1s", "size": "1k", "json": "{}", "signal": "HUP", "state": "ready",
}  # fmt: skip

# Every verb that changes something; all others only look. A verb that is added has to be put here, or looks.
OPERATE = frozenset(
    """
    start restart shutdown kill attach detach signal send rpc enable disable clear_failed scale
    tp_add tp_rm mesh_name mesh_nc msg node_add-tp node_rm-tp ssh scp terminal_known_hosts
    chat chat_follow chat_page chat_room chat_leave socks_up socks_down
    fwd rev forward_offer forward_lend forward_rm
    deploy deploy_draft deploy_rm deploy_restart mv
    """.split()  # noqa: SIM905 (words, as they are typed)
)
ADMIN = frozenset(
    """
    host_invite host_join host_approve host_refuse host_forget host_leave
    peer_listen peer_cluster peer_accept peer_refuse peer_rm host_drain host_pause host_resume
    run apply plugins_reload daemon_stop daemon daemon_upgrade service_install store_migrate
    vpn_up vpn_confirm vpn_down vpn_check
    """.split()  # noqa: SIM905 (as above)
)


def _plugin_verbs() -> list[Verb]:
    found: list[Verb] = []
    for plugin in PLUGINS:
        plugin.viscript_register_verbs(
            lambda spec, _handler: found.append(entries.verb(spec, None, run_verb))  # type: ignore[arg-type]  # never run
        )
    return found


ALL = (*VERBS, *_plugin_verbs())


def _words(verb: Verb) -> list[str]:
    """A command line that parses, with what must be given only."""
    given = [_value(arg) for arg in verb.args if arg.required]
    return [*verb.name.split(), *given]


def _value(arg: Arg) -> str:
    return arg.choices[0] if arg.choices else VALUES.get(arg.kind, "web")


def _expected(verb: Verb) -> Role:
    name = verb.name.replace(" ", "_")
    return Role.ADMIN if name in ADMIN else Role.OPERATE if name in OPERATE else Role.VIEW


def test_a_higher_role_may_what_a_lower_may() -> None:
    allowed = [(held, needed) for held in ROLES for needed in ROLES if permits(held, needed)]
    assert allowed == [
        (Role.VIEW, Role.VIEW),
        *((Role.OPERATE, needed) for needed in ROLES[:2]),
        *((Role.ADMIN, needed) for needed in ROLES),
    ]


@pytest.mark.parametrize("verb", ALL, ids=lambda verb: verb.name)
@pytest.mark.parametrize("role", ROLES)
async def test_every_verb_is_refused_to_a_lower_role(verb: Verb, role: Role) -> None:
    ran: list[str] = []

    async def handler(call: Call) -> Outcome:
        ran.append(call.verb.name)
        assert call.role is role
        return Outcome()

    world = FakeWorld(instance(7, "web"))
    world.table = Table()
    world.table.add(replace(verb, handler=handler, where="daemon"))
    said = await say(world, _words(verb), role=role, actor=KEY)
    if permits(role, _expected(verb)):
        assert (said.code, ran) == (ExitCode.DONE, [verb.name])
    else:
        assert (said.code, ran) == (ExitCode.NOT_PERMITTED, [])
        assert f"needs the role {_expected(verb)} here" in said.err


@pytest.mark.parametrize(
    "name, low, args, high, more",
    [
        ("attach", Role.VIEW, {"read_only": True}, Role.OPERATE, {"read_only": False}),
        ("start", Role.OPERATE, {"env": ()}, Role.ADMIN, {"env": ("LD_PRELOAD=x",)}),
        ("config diff", Role.VIEW, {"file": None}, Role.ADMIN, {"file": "/etc/shadow"}),
    ],
)
def test_some_arguments_need_another_role(
    name: str, low: Role, args: dict[str, Any], high: Role, more: dict[str, Any]
) -> None:
    verb = next(verb for verb in VERBS if verb.name == name)
    assert needed_role(verb, args) is low
    assert needed_role(verb, more) is high


async def test_the_refusal_says_who_lacks_what_and_who_gives_it() -> None:
    said = await say(FakeWorld(instance(7, "web")), "sd 7 -o json", role=Role.VIEW, actor=KEY)
    assert said.code == ExitCode.NOT_PERMITTED
    assert said.json()["error"]["code"] == ExitCode.NOT_PERMITTED
    assert said.err == (
        "shutdown needs the role operate here; the key 3f3f3f3f3f3f3f3f has view; "
        "an admin of the cluster can give it: after `host leave`, by `host invite --role operate`\n"
    )


async def test_help_is_for_everybody() -> None:
    said = await say(FakeWorld(), "sd --help", role=Role.VIEW, actor=KEY)
    assert said.code == ExitCode.DONE


def test_what_a_client_does_is_done_on_its_own_host() -> None:
    check = next(verb for verb in VERBS if verb.name == "config check")
    check_role(check, {"file": None}, role=Role.ADMIN, actor="local")
    with pytest.raises(VerbError, match="its own host") as refused:
        check_role(check, {"file": None}, role=Role.ADMIN, actor=KEY)
    assert refused.value.code == ExitCode.USAGE


def test_who_is_far_speaks_by_a_key() -> None:
    assert [is_far(actor) for actor in ("local", "bus", KEY)] == [False, False, True]


@pytest.mark.parametrize("command", ["start shell -- --allow me", "scale shell 2", "deploy shell"])
async def test_an_app_that_gives_more_than_itself_is_started_by_admins(command: str) -> None:
    world = FakeWorld()
    spec = App(command=("/bin/sh",), role="admin")
    world.fake.entries["shell"] = AppEntry(name="shell", source="config.yaml", spec=spec, argv=("/bin/sh",))
    said = await say(world, command, role=Role.OPERATE, actor=KEY)
    assert said.code == ExitCode.NOT_PERMITTED
    assert "to start shell needs the role admin here; the key 3f3f3f3f3f3f3f3f has operate" in said.err
    assert (await say(world, command, role=Role.ADMIN, actor=KEY)).code != ExitCode.NOT_PERMITTED
