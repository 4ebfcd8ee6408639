"""Writes the page of these verbs and its schemas: `python -P -m plugins.mesh.reference docs/reference`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

import msgspec

from plugins.mesh.rows import ANSWERS, SAME_AS
from plugins.mesh.verbs import VERBS
from viscript.plugin import Arg, Option, VerbSpec

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
FOLDER: Final = "mesh-schemas"
TOP: Final = """\
# Verbs of the mesh

Made from the plugin's tables by `python -P -m plugins.mesh.reference docs/reference`; a test fails when it is
stale. [The mesh, first steps](../guide/mesh.md) shows them at work.

All of them ask the visor of this home; without one they end with code 3 (`s visor` starts it). A peer is
named by its key, by the first digits of a key the visor knows, or by its label; for `ping`, `peer:LABEL` is
the peer also where an app has that name. A peer, path or transport that is not known is code 5.
"""


def page() -> str:
    """The page of all verbs."""
    return "\n".join([TOP, *(_section(spec) for spec, _ in VERBS)])


def schemas() -> dict[str, str]:
    """All schema files, name -> text."""
    found = {}
    for name, kind in ANSWERS.items():
        made = msgspec.json.schema(kind, ref_template="#/$defs/{name}")
        found[_file(name)] = json.dumps({"$schema": DIALECT, "title": name, **made}, indent=2) + "\n"
    return found


def _section(spec: VerbSpec) -> str:
    words = [spec.name, *map(_argument, spec.args), *(f"[{_option(one)}]" for one in spec.options)]
    also = f"Also {', '.join(f'`{alias}`' for alias in spec.aliases)}; needs" if spec.aliases else "Needs"
    schema = f"{FOLDER}/{_file(SAME_AS.get(spec.name, spec.name))}"
    forms = f"; takes `-o`: [schema]({schema})" if spec.reads else ""
    facts = f"{also} the role {spec.role}{forms}."
    lines = [f"## {spec.name}", f"`{' '.join(words)}`", f"{spec.summary[:1].upper()}{spec.summary[1:]}."]
    lines += [spec.help] if spec.help else []
    told = [(_argument(one), one.help) for one in spec.args] + [
        (_option(one), one.help) for one in spec.options
    ]
    rows = [f"| `{name}` | {text} |" for name, text in told]
    lines += [facts, *(["\n".join(["| | |", "|---|---|", *rows])] if rows else [])]
    lines += ["\n".join(["```text", *spec.examples, "```"])] if spec.examples else []
    return "\n\n".join(lines) + "\n"


def _argument(arg: Arg) -> str:
    name = f"{arg.name.upper()}{'...' if arg.many else ''}"
    return name if arg.required else f"[{name}]"


def _option(option: Option) -> str:
    return f"{', '.join(option.flags)} {option.metavar}".rstrip()


def _file(name: str) -> str:
    return f"{name.replace(' ', '-')}.json"


def write(folder: Path) -> None:
    """Bring the page and the schemas up to date."""
    (folder / "mesh-verbs.md").write_text(page(), encoding="utf-8")
    (folder / FOLDER).mkdir(exist_ok=True)
    for name, text in schemas().items():
        (folder / FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
