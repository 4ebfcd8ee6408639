"""What the audit keeps of a command line: no secret, no letter's text, no more than fits. Pure."""

from collections.abc import Sequence
from typing import Final

from viscript.redact import redact_args, redact_text
from viscript.verbs.parse import Parsed

LONGEST_WORD: Final = 256
MOST_WORDS: Final = 24
LONGEST_TARGET: Final = 256


def kept_words(argv: Sequence[str], parsed: Parsed) -> tuple[str, ...]:
    """The command line as it is remembered, without the form of its answer."""
    form = parsed.places.get("output", ())
    private = {at for arg in parsed.verb.args if arg.private for at in parsed.places.get(arg.name, ())}
    shown = redact_args(argv)
    words = [
        f"({len(argv[at])} characters)" if at in private else _fitting(redact_text(word))
        for at, word in enumerate(shown[: MOST_WORDS + len(form) + 1])
        if at not in form
    ]
    more = len(argv) - len(form) - MOST_WORDS
    return (*words[:MOST_WORDS], *((f"({more} more words)",) if more > 0 else ()))


def plain_words(argv: Sequence[str]) -> tuple[str, ...]:
    """The same of a command line that this host does not take apart."""
    words = [_fitting(redact_text(word)) for word in redact_args(argv)[:MOST_WORDS]]
    more = len(argv) - MOST_WORDS
    return (*words, *((f"({more} more words)",) if more > 0 else ()))


def target_text(parsed: Parsed) -> str:
    """Whom the command was about: its targets, else the app it names."""
    found: list[str] = []
    for kind in ("target", "app"):
        for arg in parsed.verb.args:
            if arg.kind == kind and not found:
                value = parsed.args.get(arg.name)
                found = [str(each) for each in (value if isinstance(value, tuple) else (value,)) if each]
    return " ".join(found)[:LONGEST_TARGET]


def _fitting(word: str) -> str:
    word = word.encode("utf-8", "replace").decode()
    return word if len(word) <= LONGEST_WORD else f"{word[:LONGEST_WORD]}... ({len(word)} characters)"
