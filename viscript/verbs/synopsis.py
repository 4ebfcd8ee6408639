"""How a verb is written: `ping TARGET [-c N] [-i S]`. Pure, from the table."""

from dataclasses import replace

from viscript.verbs.table import Arg, Option, Verb

OUTPUT = Option(
    flags=("-o", "--output"),
    name="output",
    help="form of the answer",
    choices=("table", "wide", "json", "jsonl", "yaml", "name"),
    metavar="FORMAT",
)
HOST = Option(
    flags=("-H", "--host"),
    name="at_host",
    kind="host",
    metavar="HOST",
    help="run it there: a host, a selector such as role=edge, or @all",
)
HELP = Option(flags=("-h", "--help"), name="help", flag=True, help="show how the verb is used")


def options(verb: Verb) -> tuple[Option, ...]:
    """The verb's own options and those every verb has."""
    own = {flag for option in verb.options for flag in option.flags}
    free = tuple(flag for flag in HOST.flags if flag not in own)
    found = list(verb.options)
    if verb.where == "daemon" and not verb.here_only and free:
        found.append(replace(HOST, flags=free))
    if verb.reads:
        found.append(OUTPUT)
    return (*found, HELP)


def argument_text(arg: Arg) -> str:
    """One positional argument, in brackets when it may be left out."""
    name = "|".join(arg.choices) if arg.choices else arg.name.upper()
    text = f"{name}..." if arg.many or arg.rest else name
    return text if arg.required else f"[{text}]"


def metavar(option: Option) -> str:
    """The word that stands for an option's value; empty for a flag."""
    if option.flag:
        return ""
    return option.metavar or option.name.upper()


def option_text(option: Option) -> str:
    """One option in brackets, by its first spelling."""
    return f"[{' '.join(filter(None, (option.flags[0], metavar(option))))}]"


def synopsis(verb: Verb) -> str:
    """The whole line."""
    words = [verb.name, *map(option_text, verb.options), *map(argument_text, verb.args)]
    if not verb.passes_unknown and not verb.options_first:
        words = [verb.name, *map(argument_text, verb.args), *map(option_text, verb.options)]
    return " ".join(words)


def hint(verb: Verb) -> str:
    """The synopsis without the verb's own name."""
    return synopsis(verb)[len(verb.name) + 1 :]
