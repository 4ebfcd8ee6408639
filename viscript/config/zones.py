"""Time zones by name, and the zone of this host; a wrong name raises ValueError."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

MAX_CHARS: Final = 100


class HostZone(tzinfo):
    """Whatever the host's clock shows, asked of the system each time: TZ and its rules hold here too."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        """How far ahead of UTC that local time is."""
        return None if moment is None else moment.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, _moment: datetime | None) -> None:
        """Not told apart: the offset is all that counts."""

    def tzname(self, moment: datetime | None) -> str | None:
        """The system's word for it."""
        return None if moment is None else moment.replace(tzinfo=None).astimezone().tzname()

    def fromutc(self, moment: datetime) -> datetime:
        """The local time; of an hour that comes twice, which of the two it is."""
        instant = moment.replace(tzinfo=UTC)
        local = instant.astimezone().replace(tzinfo=None)
        second = local.replace(fold=0).astimezone() != instant
        return local.replace(tzinfo=self, fold=int(second))


def find_zone(name: str | None) -> tzinfo:
    """The zone of that name, the host's own without one. Raises ValueError."""
    if name is None:
        return HostZone()
    if name == "UTC":  # also where the system has no data
        return UTC
    if not name or len(name) > MAX_CHARS:
        raise ValueError("no time zone")
    try:
        return ZoneInfo(name)
    except (OSError, LookupError, ValueError) as exc:
        raise ValueError("no time zone") from exc


def zone_names() -> set[str]:
    """Every name this system knows."""
    return available_timezones()
