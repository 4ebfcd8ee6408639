"""What several hosts answered, as one answer. Pure.

For data: their rows one after the other, each with its `host`; for each host that has none, a row that says
why. For people: one table, ids with the host in front; who did not answer is said below it.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Union, get_args, get_origin

import msgspec

from viscript.cluster.far.asking import Heard
from viscript.cluster.far.lines import far_line
from viscript.errors import ExitCode
from viscript.render.formats import DATA_FORMATS
from viscript.render.human import span
from viscript.render.table import table
from viscript.render.text import tame_lines
from viscript.verbs.naming import called
from viscript.verbs.table import Column, Format, Outcome, Style, Terminal, Verb

Row = dict[str, Any]  # Any: JSON of a verb


def form_of(verb: Verb, form: Format) -> Format:
    """In which form hosts are asked, so that their answers can be put together."""
    if form in DATA_FORMATS or (form in ("table", "wide") and (verb.columns or verb.line_of)):
        return "json"
    return form


@dataclass(frozen=True)
class _Told:
    """A row, and where it is from."""

    host: str
    row: Any  # Any: the verb's own type, or JSON where it is not known
    age_seconds: float | None
    raw: Row


def merged(verb: Verb, heard: Sequence[Heard], form: Format, terminal: Terminal) -> Outcome:
    """All answers in one."""
    code = ExitCode.DONE if all(one.status == "ok" for one in heard) else ExitCode.FAILED
    if form_of(verb, form) != "json":
        return Outcome(text=_texts(heard), code=code, notes=_notes(heard))
    told = [row for one in heard for row in _rows(verb, one)]
    if verb.streams:
        told.sort(key=lambda one: float(one.raw.get("time") or 0.0))
    if form in DATA_FORMATS:
        return Outcome(data=[*(_data(one) for one in told), *_absent(heard)], code=code)
    return Outcome(
        data=(), text=_shown(verb, told, terminal, wide=form == "wide"), code=code, notes=_notes(heard)
    )


# -- rows


def _rows(verb: Verb, heard: Heard) -> list[_Told]:
    kind = row_type(verb.result)
    age = heard.age_seconds if heard.status == "stale" else None
    return [_Told(heard.host.label, _typed(row, kind), age, row) for row in rows_of(heard)]


def rows_of(heard: Heard) -> list[Row]:
    """The rows in what a host answered; none in an error, or in what is no JSON."""
    data = data_of(heard)
    found = data if isinstance(data, list) else [data]
    return [row for row in found if isinstance(row, dict) and not _is_error(row)]


def data_of(heard: Heard) -> Any:  # Any: JSON
    """What a host answered as data; None when it is none."""
    try:
        return msgspec.json.decode(heard.out) if heard.out else None
    except (msgspec.DecodeError, RecursionError):
        return None


def _is_error(row: Row) -> bool:
    return isinstance(row.get("error"), dict) and "code" in row["error"]


def row_type(result: Any) -> Any:  # Any: types
    """The type of one row of a verb's result; None when that is not a Struct."""
    if get_origin(result) is list:
        return row_type(get_args(result)[0])
    if get_origin(result) in (Union, types.UnionType):
        return next((found for one in get_args(result) if (found := row_type(one)) is not None), None)
    return result if isinstance(result, type) and issubclass(result, msgspec.Struct) else None


def _typed(row: Row, kind: Any) -> Any:  # Any: a row of that type
    try:
        return row if kind is None else msgspec.convert(row, kind, strict=False)
    except msgspec.ValidationError:  # another version's
        return None


def _data(told: _Told) -> Row:
    row = {**told.raw, "host": told.host}
    return row if told.age_seconds is None else {**row, "status": "stale", "age_seconds": told.age_seconds}


def _absent(heard: Sequence[Heard]) -> list[Row]:
    """A row for each host that did not answer, or answered with an error."""
    return [
        {
            "host": one.host.label,
            "status": one.status,
            "code": one.code,
            "age_seconds": one.age_seconds,
            "error": one.err.strip(),
        }
        for one in heard
        if one.status != "ok" and not rows_of(one)
    ]


# -- for people


def _texts(heard: Sequence[Heard]) -> str:
    """What each wrote, under its name where lines do not say whose they are."""
    parts = []
    for one in heard:
        text = tame_lines(one.out)
        marks = (f"[{one.host.label}/", f"{one.host.label}/", " ")
        own = all(line.startswith(marks) for line in text.splitlines())
        age = f" ({span(one.age_seconds)} ago)" if one.status == "stale" else ""
        parts.append(text if own and not age else f"{one.host.label}{age}:\n{text}")
    return "".join(f"{part}\n" if part and not part.endswith("\n") else part for part in parts)


def _notes(heard: Sequence[Heard]) -> tuple[str, ...]:
    """Who did not answer, or not well."""
    return tuple(note(one) for one in heard if one.err.strip() or one.status != "ok")


def note(heard: Heard) -> str:
    """How one host failed, in a sentence."""
    text = " ".join(heard.err.split()) or f"exit {heard.code}"
    label = heard.host.label
    text = text if text.startswith(label) else f"{label}: {text}"
    old = f"; shown is its answer of {span(heard.age_seconds)} ago"
    return f"{text}{old}" if heard.status == "stale" else text


def _shown(verb: Verb, told: Sequence[_Told], terminal: Terminal, *, wide: bool) -> str:
    if not verb.columns:
        lines = (far_line(verb, one.host, one.raw if one.row is None else one.row, terminal) for one in told)
        return "".join(lines)
    known = [one for one in told if one.row is not None]
    return table(known, _columns(verb, known), terminal, wide=wide)


def _columns(verb: Verb, told: Sequence[_Told]) -> tuple[Column, ...]:
    columns = [_there(column) for column in verb.columns]
    if all(column.title != "id" for column in columns):
        columns.insert(0, Column(title="host", text=lambda one: str(one.host)))
    if any(one.age_seconds is not None for one in told):
        columns.append(Column(title="age", text=_age, style=lambda one: "dim"))
    return tuple(columns)


def _age(told: _Told) -> str:
    return "" if told.age_seconds is None else span(told.age_seconds)


def _there(column: Column) -> Column:
    """A column that shows a row as its own host would to this one."""

    def text(told: _Told) -> str:
        with called(told.host):
            return column.text(told.row)

    def style(told: _Told) -> Style | None:
        if told.age_seconds is not None:
            return "dim"
        return None if column.style is None else column.style(told.row)

    return replace(column, text=text, style=style)
