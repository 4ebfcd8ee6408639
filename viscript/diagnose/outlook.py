"""What happens next by itself, and what the user can do. Pure."""

from viscript.diagnose.causes import Cause
from viscript.diagnose.facts import Facts
from viscript.diagnose.verdict import Verdict, thing
from viscript.render.human import upcoming
from viscript.states import State
from viscript.supervisor.api import Instance
from viscript.verbs.naming import shown_id


def outlook(instance: Instance, facts: Facts, verdict: Verdict) -> str:
    """What happens by itself, and what the user can do."""
    parts = (
        _next_step(instance, facts),
        _next_run(instance, facts),
        _remedy(verdict),
        _handle(instance.state, instance.seq),
    )
    return "; ".join(part for part in parts if part)


def _next_step(instance: Instance, facts: Facts) -> str:
    spec = instance.spec
    match instance.state:
        case State.BACKOFF if instance.retry_at is not None:
            return f"restart {instance.restarts + 1} in {instance.retry_seconds(facts.now):.1f} s"
        case State.WAITING:
            return "starts as soon as that is so"
        case State.STARTING:
            return f"has {spec.start_timeout:g} s to become ready" if spec.ready is not None else ""
        case State.STOPPING:
            return f"SIGKILL to the whole tree after {spec.stop.grace:g} s"
        case State.STOPPED if instance.cause == Cause.LEASE_LOST:
            return "it comes up where the cluster has it placed, as soon as the store is back"
        case State.FATAL:
            return "is not started again by itself" if instance.next_run is None else ""
        case _:
            return ""


def _remedy(verdict: Verdict) -> str:
    conflict = verdict.conflict
    if conflict is None or conflict.pid is None:
        return ""
    if conflict.id is not None and verdict.cause is not Cause.LEFTOVERS:
        return f"`sd {shown_id(conflict.id)}` frees {thing(conflict)}"
    return f"ending pid {conflict.pid} frees {thing(conflict)}"


def _next_run(instance: Instance, facts: Facts) -> str:
    if instance.next_run is None:
        return ""
    when = upcoming(instance.next_run, max(0.0, instance.next_run - facts.now))
    return f"next run {when}; `disable {shown_id(instance.seq)}` ends its schedule"


def _handle(state: State, seq: int) -> str:
    match state:
        case State.BACKOFF:
            return f"`sd {shown_id(seq)}` ends it"
        case State.STOPPED | State.DONE:
            return f"`rs {shown_id(seq)}` starts it again"
        case State.FATAL:
            return f"`rs {shown_id(seq)}` tries again"
        case _:
            return ""
