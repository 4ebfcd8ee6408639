"""Events -> what the person at the prompt is told of unasked. Pure.

Told: that an app died, failed for good, finished, came back, or fell silent; what somebody else did to
one; what became of the configuration. Not told: what the person's own command does, since it answers for
itself, and the runs of a schedule that end well.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

Event = Mapping[str, Any]  # Any: JSON; the fields are those of viscript.events.Event

_CONTROL: Final = dict.fromkeys((*range(32), *range(127, 160)))


class Notices:
    """Remembers which apps are down, so that their return is worth a line."""

    def __init__(self) -> None:
        self._down: set[str] = set()
        self._scheduled: set[str] = set()

    def sentence(self, event: Event) -> str | None:
        """The line for an event; None when it is not worth one."""
        teller = _TELLERS.get(str(event.get("type", "")))
        text = teller(self, event) if teller else None
        return text.translate(_CONTROL) if text else None

    def died(self, event: Event) -> str:
        """It ended and will be started again."""
        self._down.add(_object(event))
        delay = _data(event).get("delay")
        pause = f" in {round(delay, 1):g} s" if isinstance(delay, (int, float)) and delay else ""
        return f"{_who(event)} died: {_why(event)}, restarting{pause}"

    def failed(self, event: Event) -> str:
        """It ended for good."""
        self._down.add(_object(event))
        return f"{_who(event)} failed: {_why(event)}; see: why {_seq(event)}"

    def due(self, event: Event) -> None:
        """Its schedule starts it, and will again and again."""
        self._scheduled.add(_object(event))

    def finished(self, event: Event) -> str | None:
        """It ended as it should; of one that runs by a schedule, news only if it was down."""
        subject = _object(event)
        news = subject in self._down or subject not in self._scheduled
        self._down.discard(subject)
        return f"{_who(event)} is done" if news else None

    def up(self, event: Event) -> str | None:
        """It runs; news only if it was down."""
        if _object(event) not in self._down:
            return None
        self._down.discard(_object(event))
        return f"{_who(event)} runs again"

    def stopped(self, event: Event) -> None:
        """Somebody wanted that."""
        self._down.discard(_object(event))

    def health(self, event: Event) -> str:
        """It runs but no longer answers, fails its check, or is well again."""
        word = _data(event).get("word")
        if word == "ok":
            return f"{_who(event)} is well again"
        return f"{_who(event)} is {word}: {_why(event)}"

    def lost(self, event: Event) -> str:
        """Another host is not heard any more."""
        self._down.add(_object(event))
        age = _data(event).get("age_seconds")
        since = f": silent for {age:.0f} s" if isinstance(age, (int, float)) else ""
        return f"host {_seq(event)} is down{since}"

    def heard(self, event: Event) -> str | None:
        """Another host is heard; news only if it was down."""
        if _object(event) not in self._down:
            return None
        self._down.discard(_object(event))
        return f"host {_seq(event)} is up again"

    def joined(self, event: Event) -> str:
        """The cluster has a host more."""
        return f"host {_seq(event)} joined the cluster"

    def gone(self, event: Event) -> str:
        """The cluster has a host less."""
        self._down.discard(_object(event))
        return f"host {_seq(event)} is no more in the cluster"

    def proposed(self, event: Event) -> str:
        """Another cluster asks for consent."""
        which = _seq(event)
        return f"cluster {which} ({_data(event).get('label') or 'without a label'}) asks: peer accept {which}"

    def accepted(self, event: Event) -> str:
        """Both clusters have said yes."""
        return f"cluster {_seq(event)} is a peer now: on {_seq(event)}/@all la"

    def declined(self, event: Event) -> str:
        """Another cluster said no."""
        return f"cluster {_seq(event)} said no"

    def parted(self, event: Event) -> str:
        """One of the two ended it."""
        return f"cluster {_seq(event)} is no peer any more"

    def configured(self, event: Event) -> str:
        """Another configuration is active."""
        return f"configuration applied: {_data(event).get('file') or 'none'}"

    def refused(self, event: Event) -> str:
        """A file was to become the configuration and is not fit for it."""
        return f"configuration refused: {_why(event)}"


def _object(event: Event) -> str:
    return str(event.get("object", ""))


def _seq(event: Event) -> str:
    return _object(event).partition("/")[2]


def _data(event: Event) -> Mapping[str, Any]:  # Any: each type carries its own
    data = event.get("data")
    return data if isinstance(data, dict) else {}


def _who(event: Event) -> str:
    return f"[{_seq(event)}] {_data(event).get('name', 'app')}"


def _why(event: Event) -> str:
    if event.get("reason"):
        return str(event["reason"])
    ended = _data(event).get("exit")
    if isinstance(ended, dict) and ended.get("signal"):
        return f"signal {ended['signal']}"
    if isinstance(ended, dict) and ended.get("code") is not None:
        return f"exit {ended['code']}"
    return "no reason is known"


_TELLERS: Final[dict[str, Callable[[Notices, Event], str | None]]] = {
    "app.backoff": Notices.died,
    "app.fatal": Notices.failed,
    "app.scheduled": Notices.due,
    "app.done": Notices.finished,
    "app.running": Notices.up,
    "app.ready": Notices.up,
    "app.stopped": Notices.stopped,
    "app.health": Notices.health,
    "host.down": Notices.lost,
    "host.up": Notices.heard,
    "host.joined": Notices.joined,
    "host.gone": Notices.gone,
    "peer.proposed": Notices.proposed,
    "peer.accepted": Notices.accepted,
    "peer.refused": Notices.declined,
    "peer.ended": Notices.parted,
    "config.applied": Notices.configured,
    "config.refused": Notices.refused,
}
