"""A verb's answer in the format that was asked for. Pure.

JSON is one document with an indent of two, always; jsonl is one line a row. Their shape is the
same on a terminal and in a pipe.
"""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from viscript.errors import ExitCode, VerbError
from viscript.render.table import fields, table
from viscript.render.text import clean, clean_lines, paint, tame_lines, to_ascii
from viscript.render.yamlout import dump
from viscript.verbs.naming import shown_id
from viscript.verbs.results import ErrorAnswer, ErrorBody
from viscript.verbs.table import Format, Outcome, Terminal, Verb

DATA_FORMATS: Final = frozenset({"json", "jsonl", "yaml"})
_ROWS_A_PIECE: Final[dict[Format, int]] = {"json": 1000, "jsonl": 1000, "yaml": 100}
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]")


def outcome_pieces(verb: Verb, outcome: Outcome, fmt: Format, terminal: Terminal) -> Iterator[str]:
    """What the verb's answer looks like on stdout; others may have their turn between two pieces."""
    if fmt in DATA_FORMATS:
        yield from data_pieces(outcome.data, fmt, terminal)
    else:
        yield _text(verb, outcome, fmt, terminal)


def outcome_text(verb: Verb, outcome: Outcome, fmt: Format, terminal: Terminal) -> str:
    """The same in one."""
    return "".join(outcome_pieces(verb, outcome, fmt, terminal))


def _text(verb: Verb, outcome: Outcome, fmt: Format, terminal: Terminal) -> str:
    if fmt == "name":
        names = [name_of(verb, row) for row in _rows(outcome.data)]
        return "".join(f"{name}\n" for name in names if name)
    if outcome.text is not None:  # a plugin's, an app's or a user's words may be in it
        text = tame_lines(outcome.text)
        text += "\n" if text and not text.endswith("\n") else ""
    else:
        text = _for_people(verb, outcome.data, terminal, wide=fmt == "wide")
    return to_ascii(text) if terminal.ascii else text


def row_text(verb: Verb, row: Any, fmt: Format, terminal: Terminal) -> str:
    """One streamed row; a stream in `-o json` is jsonl, since its end never comes. Any: a result."""
    if fmt in ("json", "jsonl"):
        return data_text(row, "jsonl", terminal)
    if fmt == "yaml":
        return "---\n" + data_text(row, "yaml", terminal)
    if fmt == "name":
        return f"{name_of(verb, row)}\n"
    line = verb.line_of(row) if verb.line_of else _for_people(verb, row, terminal, wide=fmt == "wide")
    text = clean(line.rstrip("\n")) + "\n"
    return to_ascii(text) if terminal.ascii else text


def data_text(data: Any, fmt: Format, terminal: Terminal) -> str:
    """JSON, jsonl or YAML. Any: whatever msgspec can turn into builtins."""
    if fmt == "yaml":
        return dump(msgspec.to_builtins(data, str_keys=True), ascii_only=terminal.ascii)
    if fmt == "jsonl":
        rows = data if isinstance(data, list | tuple) else [data]
        text = "".join(f"{msgspec.json.encode(row).decode()}\n" for row in rows)
    else:
        text = (msgspec.json.format(msgspec.json.encode(data), indent=2) + b"\n").decode()
    return _ascii_json(text) if terminal.ascii else text


def data_pieces(data: Any, fmt: Format, terminal: Terminal) -> Iterator[str]:
    """The same in pieces of some milliseconds at most: joined, they are that text. Any: as `data_text`."""
    step = _ROWS_A_PIECE[fmt]
    if not isinstance(data, list | tuple) or len(data) <= step:
        yield data_text(data, fmt, terminal)
        return
    for at in range(0, len(data), step):
        text = data_text(data[at : at + step], fmt, terminal)
        yield ("," if at else "[") + text[1:-3] if fmt == "json" else text
    if fmt == "json":
        yield "\n]\n"


def _ascii_json(text: str) -> str:
    """The same JSON with all that is not ASCII as `\\u` escapes; that only occurs inside strings."""

    def escaped(match: re.Match[str]) -> str:
        units = match[0].encode("utf-16-be")
        return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))

    return text if text.isascii() else _NOT_ASCII.sub(escaped, text)


def _rows(data: Any) -> Sequence[Any]:
    if data is None:
        return ()
    return data if isinstance(data, list | tuple) else (data,)


def name_of(verb: Verb, row: Any) -> str:
    """What `-o name` prints for a row; of an object without a name, a line for each field. Any: a result."""
    if verb.name_of:
        return clean(verb.name_of(row))
    get = row.get if isinstance(row, dict) else partial(getattr, row)
    for field in ("id", "name", "path", "topic"):
        value = get(field, None)
        if value is not None:
            return clean(shown_id(value) if field == "id" else _plain(value))
    names = [str(key) for key in row] if isinstance(row, dict) else [_plain(row)]
    return "\n".join(clean(name) for name in names)


def _for_people(verb: Verb, data: Any, terminal: Terminal, *, wide: bool) -> str:
    if data is None:
        return ""
    if verb.columns:
        return table(_rows(data), verb.columns, terminal, wide=wide)
    if isinstance(data, msgspec.Struct):
        return fields([(name, _plain(getattr(data, name))) for name in data.__struct_fields__], terminal)
    return clean_lines(data if isinstance(data, str) else _plain(data)) + "\n"


def _plain(value: Any) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def error_text(error: VerbError, terminal: Terminal) -> str:
    """The sentence on stderr; only a configuration with several faults takes several lines."""
    several = error.code is ExitCode.BAD_CONFIG
    lines = [clean(line) for line in (error.text.splitlines() if several else [error.text])] or [""]
    lines[-1] += _advice(error)
    text = "".join(f"{paint(line, 'bad', colour=terminal.colour and terminal.err)}\n" for line in lines)
    return to_ascii(text) if terminal.ascii else text


def _advice(error: VerbError) -> str:
    if not error.suggestions:
        return f" ({clean(error.detail)})" if error.detail and "\n" not in error.detail else ""
    guess = error.code in (ExitCode.USAGE, ExitCode.NOT_FOUND)
    *first, last = (clean(word) for word in error.suggestions)
    words = f"{', '.join(first)} or {last}" if first else last
    return f" (did you mean {words}?)" if guess else f" (try: {'; '.join((*first, last))})"


def error_data(error: VerbError) -> ErrorAnswer:
    """The error as the JSON formats show it on stdout."""
    return ErrorAnswer(
        error=ErrorBody(
            code=int(error.code),
            text=error.text,
            detail=error.detail,
            suggestions=error.suggestions,
            data=error.data,
        )
    )
