"""`demo`: a mesh on this machine, brought up and shown. The work is done in viscript/demo."""

from viscript.verbs.results import DemoResult
from viscript.verbs.table import Option, Verb

VERBS = (
    Verb(
        name="demo",
        group="daemon",
        summary="five nodes of a mesh on this machine: a chat, a cut link, SOCKS",
        help=(
            "Starts a daemon of its own in a temporary home, with five visors, directory, setup node,"
            " messenger, chat, SOCKS and a web server on loopback; shows what they do, and stays up until"
            " Ctrl-C. Nothing of yours is touched, and nothing is left, also when the demo is killed. Ends"
            " with 1 when a step fails."
        ),
        examples=("viscript demo", "viscript demo --once -o json"),
        options=(Option(flags=("--once",), name="once", flag=True, help="do not stay up"),),
        result=DemoResult,
        where="client",
    ),
)
