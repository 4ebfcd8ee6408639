"""Verbs that the client carries out itself: the prompt's own, and those that need no daemon.

They stand here so that help, completion and usage errors know them; viscript/local does the work.
"""

from viscript.pluginhost.spec import DoctorCheck
from viscript.verbs.plugging import CHECK_COLUMNS
from viscript.verbs.table import Arg, Option, Role, Verb
from viscript.verbs.usage import SORTS

_TERM = (Arg(name="term", help="number of the session"),)


def _prompt(
    name: str,
    summary: str,
    *aliases: str,
    args: tuple[Arg, ...] = (),
    options: tuple[Option, ...] = (),
    examples: tuple[str, ...] = (),
    passes_unknown: bool = False,
) -> Verb:
    return Verb(
        name=name,
        aliases=aliases,
        group="prompt",
        summary=summary,
        args=args,
        options=options,
        examples=examples,
        reads=False,
        passes_unknown=passes_unknown,
        where="client",
    )


_STOP_ALL = Option(flags=("--stop-all",), name="stop_all", flag=True, help="end the daemon and all apps too")

VERBS = (
    _prompt("quit", "leave the prompt; the daemon stays", "q", "exit", options=(_STOP_ALL,)),
    _prompt("clear", "clear the screen", "c", "cls"),
    _prompt("list_terms", "sessions of this prompt, each with its own default target", "lt"),
    _prompt("new_term", "open a session", "nt", args=(Arg(name="target", kind="target", required=False),)),
    _prompt("close_term", "close a session", "ct", args=(Arg(name="term", required=False),)),
    _prompt("focus", "go to a session", "foc", args=_TERM),
    _prompt(
        "use",
        "default target of this session",
        "u",
        args=(Arg(name="target", kind="target", required=False),),
    ),
    _prompt(
        "alias",
        "name a command",
        args=(Arg(name="words", required=False, rest=True),),
        passes_unknown=True,
    ),
    _prompt("history", "lines typed before", "hi", args=(Arg(name="pattern", required=False),)),
    _prompt(
        "source",
        "run the commands of a file",
        ".",
        args=(Arg(name="file", kind="path"),),
        options=(
            Option(flags=("--keep-going",), name="keep_going", flag=True, help="do not stop at errors"),
        ),
    ),
    _prompt(
        "watch",
        "run a command again and again",
        args=(
            Arg(name="seconds", kind="seconds"),
            Arg(name="words", kind="verb", many=True, rest=True, help="the command"),
        ),
        examples=("watch 2 ru",),
        passes_unknown=True,
    ),
    Verb(
        name="top",
        group="look",
        summary="who uses most, again and again; once when not on a terminal",
        examples=("top", "top --sort rss @back"),
        args=(Arg(name="targets", kind="target", required=False, many=True, help="which apps; all of them"),),
        options=(
            Option(flags=("-d", "--delay"), name="seconds", kind="seconds", default=2.0, metavar="S"),
            Option(flags=("--sort",), name="sort", metavar="COLUMN", choices=SORTS, default="cpu"),
        ),
        reads=False,
        where="client",
    ),
    Verb(
        name="daemon",
        group="daemon",
        summary="run the daemon, in the foreground or detached",
        examples=("viscript daemon --config config.yaml --detach",),
        options=(
            Option(flags=("--config",), name="config", kind="path", metavar="FILE", help="the configuration"),
            Option(
                flags=("--detach",), name="detach", flag=True, help="return once it answers; it goes on alone"
            ),
        ),
        reads=False,
        role=Role.ADMIN,
        where="client",
    ),
    Verb(
        name="daemon upgrade",
        group="daemon",
        summary="replace the daemon by one of the installed version; the apps go on",
        help=(
            "Also the way to restart the daemon.\n"
            "The next daemon uses the same configuration file. The keeper takes its version by itself."
        ),
        reads=False,
        role=Role.ADMIN,
        where="client",
    ),
    Verb(
        name="doctor",
        group="daemon",
        summary="check this machine and home",
        result=list[DoctorCheck],
        columns=CHECK_COLUMNS,
        name_of=lambda row: str(row.check),
        where="client",
    ),
    Verb(
        name="init",
        group="config",
        summary="write a commented config.yaml",
        args=(Arg(name="file", kind="path", required=False, default="config.yaml"),),
        reads=False,
        where="client",
    ),
    Verb(
        name="completion",
        group="prompt",
        summary="print a completion script for a shell",
        args=(Arg(name="shell", choices=("bash", "zsh", "fish")),),
        reads=False,
        where="client",
    ),
    Verb(
        name="service print",
        group="daemon",
        summary="print the systemd units of keeper and daemon; writes nothing",
        reads=False,
        where="client",
    ),
    Verb(
        name="service install",
        group="daemon",
        summary="install the systemd units",
        options=(
            Option(flags=("--apply",), name="apply", flag=True, help="do it; without it, say what it would"),
        ),
        reads=False,
        role=Role.ADMIN,
        where="client",
    ),
)
