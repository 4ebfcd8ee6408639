"""res_usage: what apps and their trees use."""

from collections.abc import Callable, Sequence
from typing import Final

from viscript.errors import ExitCode, VerbError
from viscript.render.human import number, percent, size, span
from viscript.supervisor.api import Tree, Usage
from viscript.verbs.naming import shown_id
from viscript.verbs.reach import daemon, pick, title
from viscript.verbs.table import Arg, Call, Column, Option, Outcome, Verb

_NOW_S: Final = 0.05  # what is younger is of this moment

_COLUMNS = (
    Column(title="id", text=lambda row: shown_id(row.id), right=True),
    Column(title="name", text=lambda row: row.name, shrink=True),
    Column(title="cpu %", text=lambda row: percent(row.cpu_percent), right=True),
    Column(title="rss", text=lambda row: size(row.rss_bytes), right=True),
    Column(title="uss", text=lambda row: size(row.uss_bytes), right=True),
    Column(title="threads", text=lambda row: number(row.threads), right=True),
    Column(title="fds", text=lambda row: number(row.fds), right=True),
    Column(title="sockets", text=lambda row: number(row.sockets), right=True),
    Column(title="read", text=lambda row: size(row.read_bytes), right=True),
    Column(title="written", text=lambda row: size(row.write_bytes), right=True),
    Column(title="uptime", text=lambda row: span(row.uptime_seconds), right=True),
    Column(title="children", text=lambda row: number(row.children), right=True),
)


def _of_tree(row: Usage) -> Tree:
    return row.tree or Tree(cpu_percent=0.0, rss_bytes=0, processes=0)


_TREE_COLUMNS = (
    Column(title="tree cpu %", text=lambda row: percent(_of_tree(row).cpu_percent), right=True),
    Column(title="tree rss", text=lambda row: size(_of_tree(row).rss_bytes), right=True),
    Column(title="processes", text=lambda row: number(_of_tree(row).processes), right=True),
)


_ORDERS: Final[dict[str, Callable[[Usage], float]]] = {
    "id": lambda row: row.id,
    "cpu": lambda row: -(_of_tree(row).cpu_percent or row.cpu_percent or 0),
    "rss": lambda row: -(_of_tree(row).rss_bytes or row.rss_bytes or 0),
    "fds": lambda row: -(row.fds or 0),
    "threads": lambda row: -(row.threads or 0),
}
SORTS: Final = tuple(_ORDERS)


async def res_usage(call: Call) -> Outcome:
    """Fresh figures of the targets, or of all that runs."""
    world = daemon(call)
    selection = pick(call, call.args["targets"] or ("all",))
    live = {item.seq: item.name for item in selection.instances if item.pid is not None}
    idle = [item for item in selection.instances if item.pid is None]
    if selection.single and idle:
        raise VerbError(
            ExitCode.NOT_HEALTHY,
            f"{title(idle[0])} is not running ({idle[0].state})",
            suggestions=(f"why {shown_id(idle[0].seq)}",),
        )
    rows = await world.usage.fresh(live) if live else []
    rows.sort(key=_ORDERS[call.args["sort"]])
    missing = tuple(f"{title(item)} is not running ({item.state})" for item in idle if call.args["targets"])
    return Outcome(
        data=rows,
        text=_tree_text(rows, call) if call.args["tree"] and call.format == "table" else None,
        notes=missing + _age(rows, call),
        code=ExitCode.NOT_HEALTHY if missing else ExitCode.DONE,
    )


def _age(rows: Sequence[Usage], call: Call) -> tuple[str, ...]:
    """A sentence for people when not all figures are of this moment; in the data each row tells."""
    oldest = max((row.kept_seconds for row in rows), default=0.0)
    if oldest < _NOW_S or call.format not in ("table", "wide"):
        return ()
    return (f"uss, fds, sockets, read, written and trees are up to {span(oldest)} old; `ru ID` looks anew",)


def _tree_text(rows: list[Usage], call: Call) -> str:
    from viscript.render.table import table

    return table(rows, (*_COLUMNS[:3], *_TREE_COLUMNS), call.terminal)


VERBS = (
    Verb(
        name="res_usage",
        aliases=("ru",),
        group="look",
        summary="cpu, memory, threads, files, io of apps and their trees",
        help=(
            "All figures of up to 16 apps are of this moment. Of more, only cpu, rss, threads and uptime\n"
            "are; the others may be 2 s old, and `kept_seconds` in the data says how old they are."
        ),
        examples=("ru 7", "ru --tree", "ru all -o json"),
        args=(Arg(name="targets", kind="target", required=False, many=True, help="which apps; all of them"),),
        options=(
            Option(flags=("--tree",), name="tree", flag=True, help="sums over all their processes"),
            Option(
                flags=("--sort",), name="sort", metavar="COLUMN", choices=SORTS, default="id",
                help="the biggest first; id: as they were started",
            ),
        ),
        result=list[Usage],
        columns=(*_COLUMNS, *_TREE_COLUMNS[:2]),
        handler=res_usage,
    ),
)  # fmt: skip
