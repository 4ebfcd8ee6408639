"""The public door is curated, and what crosses the process border survives it."""

import msgspec

from viscript import plugin
from viscript.pluginhost.spec import AppSpec, Registration, Target, VerbSpec
from viscript.verbs.table import Arg


def test_data_survives_the_border() -> None:
    sent = Registration(
        apps=(AppSpec(name="a", argv=("x",), args=(plugin.Argument(name="p", type="port"),)),),
        verbs=(VerbSpec(name="v", summary="s", args=(Arg(name="x", kind="int", default=3),)),),
    )
    assert msgspec.json.decode(msgspec.json.encode(sent), type=Registration) == sent
    target = Target(kind="peer", label="bob", app="visor", params={"a": [1]})
    assert msgspec.convert(msgspec.to_builtins(target), Target) == target
