"""What is wrong with the `schedule` of an app."""

from collections.abc import Iterator
from typing import Final

from viscript.config.cron import check_cron
from viscript.config.model import App, Schedule
from viscript.config.suggest import closest
from viscript.config.zones import find_zone, zone_names

MIN_EVERY_S: Final = 1.0

Wrong = tuple[str, str, str]


def schedule_faults(app: App) -> Iterator[Wrong]:
    """Key, message and suggestion of every fault."""
    schedule = app.schedule
    if schedule is None:
        return
    given = [key for key in ("cron", "every") if getattr(schedule, key) is not None]
    if len(given) != 1:
        yield "schedule", f"give exactly one of cron, every; got {' and '.join(given) or 'none'}", ""
    if schedule.every is not None and schedule.every < MIN_EVERY_S:
        yield "schedule.every", f"must be at least {MIN_EVERY_S:g}s", ""
    if schedule.cron is not None:
        yield from _cron(schedule.cron)
    yield from _zone(schedule)


def _cron(text: str) -> Iterator[Wrong]:
    try:
        check_cron(text)
    except ValueError as exc:
        shown = text if len(text) <= 40 else text[:37] + "..."
        yield "schedule.cron", f'expected a cron expression such as "0 3 * * *", got "{shown}": {exc}', ""


def _zone(schedule: Schedule) -> Iterator[Wrong]:
    if schedule.timezone is None:
        return
    if schedule.cron is None and schedule.every is not None:
        yield "schedule.timezone", "is for cron; `every` goes by what has passed", ""
    try:
        find_zone(schedule.timezone)
    except ValueError:
        message = f'this system knows no time zone "{schedule.timezone[:40]}"'
        yield "schedule.timezone", message, closest(schedule.timezone, zone_names())
