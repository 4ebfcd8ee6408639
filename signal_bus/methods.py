"""Methods a program offers: described by signature and docstring, called with checked parameters."""

import hashlib
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, get_type_hints

import msgspec

from signal_bus.errors import CallerError, RemoteError
from signal_bus.messages import Described, Method

Function = Callable[..., object]


class Methods:
    """The functions of one program, by name."""

    def __init__(self) -> None:
        self._offered: dict[str, _Offered] = {}

    def add(self, function: Function) -> None:
        """Offer `function` under its own name. Raises `CallerError` for one that cannot be described."""
        self._offered[function.__name__] = _Offered(function)

    def described(self) -> Described:
        """What the server is told."""
        return Described(methods=tuple(offered.method for offered in self._offered.values()))

    def digest(self) -> str:
        """Changes when the description does; empty without methods."""
        if not self._offered:
            return ""
        return hashlib.sha256(msgspec.msgpack.encode(self.described())).hexdigest()[:16]

    async def call(self, name: str, params: object) -> object:
        """Call a method. Raises `RemoteError` for an unknown one or for parameters that do not fit."""
        offered = self._offered.get(name)
        if offered is None:
            raise RemoteError("no-method", f"there is no method {name!r}")
        result = offered.function(**offered.check(params))
        return await result if isinstance(result, Awaitable) else result


class _Offered:
    """One function and what is known of it."""

    def __init__(self, function: Function) -> None:
        self.function = function
        hints = get_type_hints(function, include_extras=True)
        answer = hints.pop("return", Any)
        parameters = inspect.signature(function).parameters.values()
        self._names = tuple(parameter.name for parameter in parameters)
        self._struct = _struct_of(function.__name__, tuple(parameters), hints)
        self.method = Method(
            name=function.__name__,
            summary=_summary(function),
            params=_schema(self._struct),
            result=_schema(answer),
        )

    def check(self, params: object) -> dict[str, object]:
        """The keyword arguments in `params`: a map, a list in order, or nothing. Raises `RemoteError`."""
        if isinstance(params, (list, tuple)):
            if len(params) > len(self._names):
                raise RemoteError("bad-params", f"takes at most {len(self._names)} parameters")
            params = dict(zip(self._names, params, strict=False))
        try:
            checked = msgspec.convert({} if params is None else params, self._struct)
        except msgspec.ValidationError as exc:
            raise RemoteError("bad-params", str(exc)[:1000]) from exc
        return msgspec.structs.asdict(checked)


def _struct_of(
    name: str, parameters: tuple[inspect.Parameter, ...], hints: Mapping[str, Any]
) -> type[msgspec.Struct]:
    fields: list[Any] = []  # Any: what defstruct takes, pairs and triples
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise CallerError(f"method {name}: parameter {parameter.name!r} has no fixed name")
        hint = hints.get(parameter.name, Any)
        if parameter.default is parameter.empty:
            fields.append((parameter.name, hint))
        else:
            fields.append((parameter.name, hint, _default(parameter.default)))
    return msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True)


def _default(value: Any) -> Any:  # Any: whatever the function's author chose
    return msgspec.field(default_factory=lambda: value) if isinstance(value, (list, dict, set)) else value


def _schema(type_: Any) -> dict[str, Any]:  # Any: a type, and a JSON Schema
    """The JSON Schema of a type; an open one where msgspec knows none."""
    if type_ is None:
        return {"type": "null"}
    try:
        (schema, *_), parts = msgspec.json.schema_components([type_], ref_template="#/$defs/{name}")
    except TypeError:
        return {}
    if set(schema) == {"$ref"}:  # one part stands for the whole
        schema = parts.pop(schema["$ref"].removeprefix("#/$defs/"))
    return _plain({**schema, "$defs": parts} if parts else schema)


def _plain(schema: dict[str, Any]) -> dict[str, Any]:  # Any: a JSON Schema
    """The same schema in what every form can carry."""
    return msgspec.json.decode(msgspec.json.encode(schema), type=dict[str, Any])


def _summary(function: Function) -> str:
    first = inspect.cleandoc(function.__doc__ or "").split("\n\n")[0]
    return re.sub(r"\s+", " ", first)[:1024]
