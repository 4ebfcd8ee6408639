"""The times of a cron expression in a time zone. Pure; a wrong expression raises ValueError.

Five fields (minute, hour, day of the month, month, day of the week), or six with the seconds in front. When
the clocks are changed, an expression that names its minutes and hours keeps to them: a time that is
left out comes as soon as there is one again, and a time that comes twice counts once. One that says `*` or
`*/N` there goes by what has passed: each minute is a minute.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from cronsim import CronSim, CronSimError

MAX_CHARS: Final = 200
NAMED: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_ANY_DAY: Final = datetime(2024, 1, 1)  # noqa: DTZ001 (only whether there is a time at all)
_MINUTE: Final = timedelta(minutes=1)
_NEVER: Final = "no such day ever comes"
_ALLOWED: Final = (
    ("second", "0 to 59"),
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31, L (the last), LW (the last weekday)"),
    ("month", "1 to 12, JAN to DEC"),
    ("day of the week", "0 to 7 (both are Sunday), SUN to SAT, 5L (the last Friday), MON#2 (the second)"),
)
_FORMS: Final = "lists (1,3), ranges (1-5) and steps (*/2)"


def check_cron(text: str) -> None:
    """Raise ValueError, with the reason, for an expression that is none or that never comes."""
    if next(CronSim(_six_fields(text), _ANY_DAY), None) is None:
        raise ValueError(_NEVER)


def _six_fields(text: str) -> str:
    """The expression with a field for the seconds."""
    if len(text) > MAX_CHARS:
        raise ValueError(f"longer than {MAX_CHARS} characters")
    text = NAMED.get(text.strip().lower(), text)
    fields = text.split()
    if len(fields) not in (5, 6):
        raise ValueError(f"it has {len(fields)} fields, not 5 or 6")
    whole = " ".join(fields if len(fields) == 6 else ["0", *fields])
    if not _is_read(whole):
        raise ValueError(_fault(whole.split()))
    return whole


def _is_read(fields: str) -> bool:
    try:
        CronSim(fields, _ANY_DAY)
    except CronSimError:
        return False
    return True


def _fault(fields: list[str]) -> str:
    """Which field is wrong, what it says and what it may say; else it is all of them together."""
    for place, ((name, allowed), value) in enumerate(zip(_ALLOWED, fields, strict=True)):
        alone = ["*"] * len(fields)
        alone[place] = value
        if not _is_read(" ".join(alone)):
            return f'the {name} is "{value}"; allowed are {allowed}, *, and of them {_FORMS}'
    return _NEVER


class Cron:
    """The times of one expression. Raises ValueError for a wrong one."""

    def __init__(self, text: str, zone: tzinfo) -> None:
        self._fields = _six_fields(text)
        self._zone = zone
        _, minute, hour, *_ = self._fields.split()
        self._fixed = not minute.startswith("*") and not hour.startswith("*")

    def after(self, wall: float) -> float:
        """The first time after `wall`, both in seconds since the epoch. Raises ValueError: there is none."""
        start = datetime.fromtimestamp(wall, self._zone)
        for found in self._named(start) if self._fixed else CronSim(self._fields, start):
            if found.timestamp() > wall:
                return found.timestamp()
        raise ValueError(_NEVER)

    def _named(self, start: datetime) -> Iterator[datetime]:
        """Times as a wall shows them; one that the clocks leave out is put where they go on."""
        for naive in CronSim(self._fields, start.replace(tzinfo=None)):
            found = naive.replace(tzinfo=self._zone, fold=0)
            while _left_out(found):
                found = (found.replace(tzinfo=None) + _MINUTE).replace(tzinfo=self._zone)
            yield found


def _left_out(moment: datetime) -> bool:
    return moment.astimezone(UTC).astimezone(moment.tzinfo).replace(fold=0) != moment
