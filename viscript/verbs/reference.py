"""The reference pages of the verbs, made from the table.

python -m viscript.verbs.reference docs/reference
"""

import sys
from collections import defaultdict
from pathlib import Path

from viscript.verbs import schemas
from viscript.verbs.core import builtin
from viscript.verbs.helping import GROUPS
from viscript.verbs.synopsis import argument_text, metavar, synopsis
from viscript.verbs.table import Table, Verb
from viscript.verbs.topics import CODES, TOPICS

_TOP = """\
# Verbs

Made from the verb table by `python -m viscript.verbs.reference docs/reference`; a test fails when it
is stale.

Every verb works at the prompt, as `viscript VERB ...`, in `viscript -c 'VERB ...; VERB ...'` and piped.
`-o` gives the form of the answer on every verb that is marked so; a schema in `schemas/` describes the
JSON of each. `-H HOST`, or `--host`, runs a verb on another host of the cluster, or on several, unless it is
done by the client. Targets, output and states stand at the end, exit codes in `exit-codes.md`.
"""

_CODES_TOP = """\
# Exit codes

The same fault gives the same code at the prompt (`$?` in the toolbar), one-shot, with `-c` and piped.

| code | means |
|---|---|
"""


def page(table: Table) -> str:
    """docs/reference/verbs.md."""
    grouped: dict[str, list[Verb]] = defaultdict(list)
    for verb in table:
        grouped[verb.group].append(verb)
    parts = [_TOP]
    for group in [*GROUPS, *sorted(set(grouped) - set(GROUPS))]:
        if group in grouped:
            parts.append(f"## {GROUPS.get(group, group.capitalize())}\n")
            parts += [section(verb) for verb in grouped[group]]
    for topic in ("targets", "output", "states"):
        parts.append(f"## {topic.capitalize()}\n\n```text\n{TOPICS[topic].rstrip()}\n```\n")
    return "\n".join(parts)


def section(verb: Verb) -> str:
    """One verb."""
    lines = [f"### {verb.name}", "", f"`{synopsis(verb)}`", "", f"{_sentence(verb.summary)}"]
    if verb.help:
        lines += ["", verb.help]
    facts = [f"needs the role {verb.role}"]
    if verb.aliases:
        facts.insert(0, f"also {', '.join(f'`{alias}`' for alias in verb.aliases)}")
    if verb.reads and verb.result is not None:
        facts.append(f"takes `-o`: [schema](schemas/{schemas.file_name(verb.name)})")
    if verb.where == "client":
        facts.append("done by the client")
    lines += ["", f"{_sentence('; '.join(facts))}"]
    rows = [(argument_text(arg), arg.help or arg.kind) for arg in verb.args]
    rows += [(" ".join(filter(None, (", ".join(o.flags), metavar(o)))), o.help) for o in verb.options]
    if rows:
        lines += ["", "| | |", "|---|---|"]
        lines += [f"| `{_cell(name)}` | {_cell(text)} |" for name, text in rows]
    if verb.examples:
        lines += ["", "```text", *verb.examples, "```"]
    return "\n".join(lines) + "\n"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def codes_page() -> str:
    """docs/reference/exit-codes.md."""
    return _CODES_TOP + "".join(f"| {int(code)} | {text} |\n" for code, text in CODES.items())


def write(folder: Path) -> None:
    """Bring the pages and schemas up to date."""
    table = builtin()
    (folder / "verbs.md").write_text(page(table), encoding="utf-8")
    (folder / "exit-codes.md").write_text(codes_page(), encoding="utf-8")
    schemas.write(table, folder / "schemas")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
