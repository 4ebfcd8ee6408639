"""What applying a new configuration means, app by app. Pure.

Only instances that run with the configuration's own arguments are restarted, and only when a key
changed that a running process cannot take on; everything else is an update on the spot.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from viscript.config.model import App, Config, Output, is_placed, starts_with_daemon, success_codes
from viscript.states import State
from viscript.supervisor.api import Instance, PlanStep

# Keys that are fixed once a process runs. `output.merge` and `output.file` are the part of `output` that is.
RESTART_KEYS: Final = frozenset(
    {
        "path", "command", "default_args", "cwd", "env", "env_file", "inherit_env", "user", "group_id",
        "umask", "nice", "rlimits", "stdin", "tty", "pipe", "forking", "join", "sockets",
        "output.merge", "output.file",
    }
)  # fmt: skip
UPDATE_KEYS: Final = frozenset(
    {
        "args", "desc", "help", "daemon", "autostart", "instances", "group", "tags", "restart", "needs",
        "after", "ready", "health", "stop", "limits", "start_timeout", "settle", "schedule", "watch", "role",
        "host", "placement",
        "output.max_bytes", "output.backups", "output.timestamps", "output.format",
    }
)  # fmt: skip

ORDER: Final = ("stop", "restart", "add", "update", "unchanged")
_GONE: Final = frozenset({State.STOPPED, State.DONE, State.STOPPING})


def plan(
    old: Config | None,
    new: Config,
    instances: Sequence[Instance],
    *,
    known: Collection[str] = (),
    surroundings: Mapping[str, Sequence[str]] | None = None,
    left_over: Sequence[str] = (),
) -> list[PlanStep]:
    """The steps from `old` to `new`: stops first, then restarts, additions, updates and the unchanged.

    `known` are the apps that plugins register: such an app outlives its block. `surroundings` names, by
    app, keys whose content changed outside the file, such as an `env_file`. `left_over` are apps that are in
    neither file and live on.
    """
    before = old.apps if old else {}
    steps: list[PlanStep] = []
    for name in (*new.apps, *(gone for gone in (*before, *left_over) if gone not in new.apps)):
        every = [instance for instance in instances if instance.app == name and _is_own(instance)]
        mine = [instance for instance in every if is_live(instance)]
        was, now = before.get(name), new.apps.get(name)
        if now is None and name in known:
            now = App()
        if was is None and name in known:
            was = App()
        if now is not None and is_placed(now):
            steps += _placed(name, instances)
        elif now is None:
            if (was is None or is_placed(was)) and not mine:
                continue
            steps.append(_step("stop", name, mine, "removed from the file"))
        elif was is None:
            steps.append(_added(name, now))
        else:
            keys = changed_keys(was, now)
            extra = [key for key in (surroundings or {}).get(name, ()) if key not in keys]
            steps += _changed(name, was, now, mine, keys, extra, every)
    return sorted(steps, key=lambda step: (ORDER.index(step.action), step.app))


def is_live(instance: Instance) -> bool:
    """Whether it runs, or would run if it could."""
    return instance.state not in _GONE


def _is_own(instance: Instance) -> bool:
    """Whether this host began it; one that the cluster ordered follows its order, not this file."""
    return instance.entry.deployed is None


def runs_as_configured(instance: Instance) -> bool:
    """Whether it was started with the arguments and the environment of its entry, nothing of its own."""
    own = instance.entry.spec
    return tuple(instance.args) == own.default_args and instance.spec.env == own.env


def changed_keys(was: App, now: App) -> tuple[str, ...]:
    """The keys in which two blocks differ in effect; those of `output` one by one."""
    keys = [key for key in App.__struct_fields__ if key not in ("output", "restart")]
    found = [key for key in keys if getattr(was, key) != getattr(now, key)]
    if was.restart != now.restart and _restart(was) != _restart(now):
        found.append("restart")
    found += [
        f"output.{key}"
        for key in Output.__struct_fields__
        if getattr(was.output, key) != getattr(now.output, key)
    ]
    return tuple(found)


def _restart(app: App) -> object:
    return msgspec.structs.replace(app.restart, success_codes=success_codes(app))


def _step(action: str, name: str, instances: Sequence[Instance], reason: str) -> PlanStep:
    ids = tuple(sorted(instance.seq for instance in instances))
    return PlanStep(action=action, app=name, ids=ids, reason=reason)


def by_file(name: str, instances: Sequence[Instance]) -> list[Instance]:
    """What of an app lives here as this host's own file says, or said."""
    mine = [one for one in instances if one.app == name and _is_own(one) and is_live(one)]
    return [instance for instance in mine if runs_as_configured(instance)]


def _placed(name: str, instances: Sequence[Instance]) -> Iterator[PlanStep]:
    """What is ordered is told by who orders it; what ran here by itself before is not doubled."""
    configured = by_file(name, instances)
    if configured:
        yield _step("stop", name, configured, "the cluster runs it from now on")


def _added(name: str, now: App) -> PlanStep:
    count = f"{now.instances} instances" if now.instances > 1 else "it"
    if now.schedule is not None:
        return _step("add", name, (), f"new; runs {count} by its schedule")
    return _step("add", name, (), f"new; starts {count}" if now.autostart else "new")


def _changed(
    name: str,
    was: App,
    now: App,
    mine: Sequence[Instance],
    keys: Sequence[str],
    extra: Sequence[str],
    every: Sequence[Instance],
) -> Iterator[PlanStep]:
    configured = [instance for instance in mine if runs_as_configured(instance)]
    hard = [key for key in keys if key in RESTART_KEYS] + list(extra)
    surplus = _surplus(was, now, configured)
    missing = _missing(was, now, configured, every)
    if surplus:
        yield _step("stop", name, surplus, f"instances: {was.instances} -> {now.instances}")
    kept = [instance for instance in configured if instance not in surplus]
    if hard and kept:
        yield _step("restart", name, kept, f"changed: {', '.join((*keys, *extra))}")
    elif keys:
        yield _step("update", name, kept, _update_reason(keys, hard, mine))
    if missing:
        yield _step("add", name, (), f"starts {missing} more")
    if not keys and not hard and not missing:
        yield _step("unchanged", name, mine, _unwell(mine))


def _update_reason(keys: Sequence[str], hard: Sequence[str], mine: Sequence[Instance]) -> str:
    reason = f"changed: {', '.join(keys)}"
    if hard and mine:
        return f"{reason}; what runs was started with arguments of its own and goes on"
    return reason


def _surplus(was: App, now: App, configured: Sequence[Instance]) -> list[Instance]:
    """The youngest ones beyond a lowered count."""
    if now.instances >= was.instances or not (now.autostart or now.schedule):
        return []
    return sorted(configured, key=lambda instance: instance.seq)[now.instances :]


def _missing(was: App, now: App, configured: Sequence[Instance], every: Sequence[Instance]) -> int:
    """How many more to start: the count was raised, the app now starts by itself, or some never came to be.

    Those that ended since are not missed: a user stopped them, or they are done.
    """
    if not starts_with_daemon(now):
        return 0
    raised = now.instances > was.instances or not starts_with_daemon(was)
    there = configured if raised else every
    return max(now.instances - len(there), 0)


def _unwell(mine: Sequence[Instance]) -> str:
    """What is as the file says and still does not run."""
    bad = [instance for instance in mine if instance.state in (State.FATAL, State.BACKOFF)]
    return "; ".join(f"{instance.seq} is {instance.state}: `why {instance.seq}`" for instance in bad)
