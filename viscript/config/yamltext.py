"""YAML text to a strict tree. Pure.

Built from the parser's events, not by PyYAML's composer and constructor, so that
- scalars follow the YAML 1.2 core schema: `no`, `12:30`, `1_000` and dates are text;
- a duplicate key is a fault, and so is a tag;
- nesting and what aliases expand to are bounded: a node is finished before it can be referred to,
  so no cycle can exist, and each node knows how large it is when written out;
- `<<` merges: keys written out win over merged ones, earlier merges over later ones.

A syntax error is raised alone, as `BadConfig`; what can be passed over is collected.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import yaml

from viscript.config.fault import BadConfig, Fault, Place, fault_at
from viscript.config.scalars import core_value
from viscript.config.tree import Entries, Entry, Items, Node, Scalar, join

MAX_TEXT_BYTES: Final = 4 * 1024 * 1024
MAX_DEPTH: Final = 40
MAX_NODES: Final = 200_000

_UNPRINTABLE: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE_END: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_TEXT_TAGS: Final = frozenset({"!", "tag:yaml.org,2002:str"})
_PLAIN_TAGS: Final = frozenset({None, "!", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"})


def parse_tree(text: str, file: str) -> tuple[Node, list[Fault]]:
    """The tree of a text and the faults that can be passed over. Raises `BadConfig` for bad syntax."""
    _refuse_unreadable(text, file)
    fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _build(text, file, fast)
    except yaml.YAMLError as problem:
        raise BadConfig([_syntax_fault(_clearer(text, file, problem), file)]) from problem


def _clearer(text: str, file: str, problem: yaml.YAMLError) -> yaml.YAMLError:
    """The same problem in the words of the parser written in Python, which are better, if it sees it."""
    try:
        _build(text, file, yaml.SafeLoader)
    except yaml.YAMLError as clearer:
        return clearer
    return problem


def _build(
    text: str, file: str, loader: type[yaml.SafeLoader | yaml.CSafeLoader]
) -> tuple[Node, list[Fault]]:
    builder = _Builder(file)
    parser = loader(text)
    try:
        while (event := parser.get_event()) is not None:
            builder.take(event)
    finally:
        parser.dispose()
    return builder.root or Scalar(Place(file, 1, 1), "", None), builder.faults


def _refuse_unreadable(text: str, file: str) -> None:
    if len(text) > MAX_TEXT_BYTES:
        raise BadConfig([fault_at(Place(file), "", f"larger than {MAX_TEXT_BYTES // 1024**2} MiB")])
    found = _UNPRINTABLE.search(text)
    if found is not None and not (found.start() == 0 and found.group() == "\ufeff"):
        message = f"character U+{ord(found.group()):04X} is not allowed in YAML"
        raise BadConfig([fault_at(place_in(text, found.start(), file), "", message)])


def place_in(text: str, offset: int, file: str) -> Place:
    """The line and column of an offset."""
    ends = [match.end() for match in _LINE_END.finditer(text, 0, offset)]
    return Place(file, len(ends) + 1, offset - (ends[-1] if ends else 0) + 1)


def _syntax_fault(problem: yaml.YAMLError, file: str) -> Fault:
    mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
    words = [getattr(problem, name, None) for name in ("context", "problem")]
    said = ", ".join(word for word in words if word) or "cannot be read"
    return fault_at(place, "", f"bad YAML: {said}", _syntax_hint(said))


def _syntax_hint(said: str) -> str:
    if "'\\t'" in said:
        return "indent with spaces, not tabs"
    if "scanning an alias" in said:
        return "a value that begins with * needs quotes"
    if "mapping values are not allowed" in said:
        return 'a value that holds ": " needs quotes, or the indentation is off'
    if "expected <block end>" in said or "could not find expected ':'" in said:
        return "look at the indentation of this line and the one before"
    return ""


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    place: Place
    anchor: str | None
    mapping: bool
    nodes: list[Node] = field(default_factory=list)


class _Builder:
    """Takes the parser's events in order; `root` is the finished tree."""

    def __init__(self, file: str) -> None:
        self.root: Node | None = None
        self.faults: list[Fault] = []
        self._file = file
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}

    def take(self, event: yaml.Event) -> None:
        """The next event; a scalar in most cases."""
        if isinstance(event, yaml.ScalarEvent):
            self._finish(self._scalar(event), event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._finish(self._aliased(event), None)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()
        elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise self._refusal(self._place(event), "only one document may stand in a file")

    def _path(self, key: str = "") -> str:
        path = ""
        for holder in self._open:
            if not holder.mapping:
                path += f"[{len(holder.nodes)}]"
            elif len(holder.nodes) % 2 and isinstance(holder.nodes[-1], Scalar):
                path = join(path, holder.nodes[-1].text)
        return join(path, key)

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self._file, mark.line + 1, mark.column + 1) if mark else Place(self._file, 1, 1)

    def _refusal(self, place: Place, message: str) -> BadConfig:
        return BadConfig([fault_at(place, "", message)])

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        place, text = self._place(event), str(event.value)
        if event.tag is not None and event.tag not in _TEXT_TAGS:
            self._refuse_tag(place, event.tag)
        plain = not event.style and event.tag is None
        return Scalar(place, text, core_value(text) if plain else text)

    def _aliased(self, event: yaml.AliasEvent) -> Node:
        node = self._anchors.get(event.anchor or "")
        if node is None:
            raise self._refusal(self._place(event), f"alias *{event.anchor} stands for nothing before it")
        return node

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        place = self._place(event)
        if event.tag not in _PLAIN_TAGS:
            self._refuse_tag(place, str(event.tag))
        if len(self._open) >= MAX_DEPTH:
            raise self._refusal(place, f"nested deeper than {MAX_DEPTH}")
        self._open.append(_Open(place, event.anchor, isinstance(event, yaml.MappingStartEvent)))

    def _refuse_tag(self, place: Place, tag: str) -> None:
        name = tag.replace("tag:yaml.org,2002:", "!!")
        self.faults.append(fault_at(place, self._path(), f"tag {name} is not allowed"))

    def _end(self) -> None:
        done = self._open.pop()
        size = depth = 1
        for node in done.nodes:
            size += node.size
            depth = max(depth, node.depth + 1)
        if done.mapping:
            self._finish(Entries(done.place, self._entries(done.nodes), size, depth), done.anchor)
        else:
            self._finish(Items(done.place, tuple(done.nodes), size, depth), done.anchor)

    def _finish(self, node: Node, anchor: str | None) -> None:
        if node.size > MAX_NODES:
            raise self._refusal(node.place, f"more than {MAX_NODES} values, aliases written out")
        if len(self._open) + node.depth > MAX_DEPTH:
            raise self._refusal(node.place, f"nested deeper than {MAX_DEPTH}, aliases written out")
        if anchor:
            self._anchors[anchor] = node
        if self._open:
            self._open[-1].nodes.append(node)
        else:
            self.root = node

    def _entries(self, nodes: list[Node]) -> tuple[Entry, ...]:
        found: dict[str, Entry] = {}
        merged: list[Entry] = []
        for key, value in zip(nodes[::2], nodes[1::2], strict=True):
            if not isinstance(key, Scalar) or not key.text:
                self.faults.append(fault_at(key.place, self._path(), "a key must be a word"))
            elif key.text == "<<":
                merged += self._merged(value)
            elif key.text in found:
                message = f"duplicate key, first given in line {found[key.text].place.line}"
                self.faults.append(fault_at(key.place, self._path(key.text), message))
            else:
                found[key.text] = Entry(key.text, key.place, value)
        for entry in merged:
            found.setdefault(entry.key, entry)
        return tuple(found.values())

    def _merged(self, value: Node) -> Iterator[Entry]:
        sources: Iterable[Node] = value.items if isinstance(value, Items) else (value,)
        for source in sources:
            if isinstance(source, Entries):
                yield from source.entries
            else:
                self.faults.append(fault_at(source.place, self._path("<<"), "expected a mapping to merge"))
