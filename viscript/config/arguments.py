"""The declared arguments of an app: whether the declaration holds, and whether a value fits it. Pure."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from viscript.config import words
from viscript.config.model import Argument


def argument_faults(argument: Argument) -> Iterator[tuple[str, str]]:
    """Key and message of everything wrong with the declaration itself."""
    if not argument.name.strip():
        yield "name", "must not be empty"
    if argument.default is None:
        return
    if argument.required:
        yield "", "required and default exclude each other"
    if argument.choices and argument.default not in argument.choices:
        yield "default", f'"{argument.default}" is none of the choices'
    elif problem := argument_problem(argument, argument.default):
        yield "default", problem


def argument_problem(argument: Argument, text: str) -> str:
    """Why the text cannot be given for the argument, or nothing."""
    if argument.choices and text not in argument.choices:
        return f'expected one of {", ".join(argument.choices)}, got "{text}"'
    read, what = _ARGUMENT_READERS.get(argument.type, (str, ""))
    try:
        read(text)
    except (ValueError, RecursionError):
        return f'expected {what}, got "{text}"'
    return ""


def _port(text: str) -> int:
    if not text.isdigit():
        raise ValueError("not a port")
    return words.address(text)[1]


_ARGUMENT_READERS: Final[Mapping[str, tuple[Callable[[str], object], str]]] = {
    "int": (int, "a whole number"),
    "float": (float, "a number"),
    "port": (_port, "a port between 1 and 65535"),
    "address": (words.address, "an address such as 127.0.0.1:8080"),
    "json": (json.loads, "JSON"),
}
