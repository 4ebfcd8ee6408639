"""Cycles in what waits for what. Pure."""

from collections.abc import Iterator, Mapping, Sequence


def find_cycles(edges: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """One cycle for each knot of names that wait for each other: `a, b, a`."""
    done: set[str] = set()
    for start in edges:
        if start not in done:
            cycle = _walk(start, edges, done)
            if cycle:
                yield cycle


def _walk(start: str, edges: Mapping[str, Sequence[str]], done: set[str]) -> tuple[str, ...]:
    """Depth first without recursion; everything reached is done afterwards."""
    found: tuple[str, ...] = ()
    path: list[str] = [start]
    on_path = {start}
    rest = [iter(edges[start])]
    while path:
        following = next(rest[-1], None)
        if following is None:
            done.add(path[-1])
            on_path.discard(path.pop())
            rest.pop()
        elif following in on_path:
            found = found or (*path[path.index(following) :], following)
        elif following in edges and following not in done:
            path.append(following)
            on_path.add(following)
            rest.append(iter(edges[following]))
    return found
