"""The reference page of config.yaml, from the types. Pure."""

from viscript.config.keys import Key, keys_of
from viscript.config.meaning import SECTIONS
from viscript.config.overrides import SETTINGS, variable
from viscript.config.schema import sections
from viscript.config.unsupported import UNSUPPORTED

_HEAD = """\
# config.yaml: every key

Generated from the types; `python -P -m viscript.config FOLDER` writes it anew.

* Anything unknown, twice, of a wrong type or undefined is a fault; all are reported at once, each as
  `config.yaml:12:5: apps.web.deamon: unknown key (did you mean "daemon"?)`, with exit code 6.
* A time is `500ms`, `1.5s`, `2m`, `1h30m`, or a number of seconds.
* A size is `10MB`, `64MiB`, or a number of bytes.
* Scalars follow YAML 1.2: `no`, `12:30`, `1_000` and dates are text. Tags are refused; anchors and `<<` work.
* A word of a command line or of `env` may be a number or true/false; it is passed on as written.
* A key without a value leaves a list, a mapping or a section at its default.
"""


def page() -> str:
    """The page in Markdown."""
    parts = [_HEAD]
    for section in sections():
        parts.append(f"## {section.__name__}\n\n{SECTIONS[section.__name__]}\n")
        parts.append(_table(keys_of(section)))
        refused = sorted(UNSUPPORTED.get(section, ()))
        if refused:
            words = ", ".join(f"`{key}`" for key in refused)
            parts.append(f"Known, and refused by this version: {words}.\n")
    parts.append(_settings())
    return "\n".join(parts)


def _table(keys: list[Key]) -> str:
    rows = ["| key | type | default | meaning | example |", "|---|---|---|---|---|", *map(_row, keys)]
    return "\n".join(rows) + "\n"


def _row(key: Key) -> str:
    cells = [f"`{key.name}`", _cell(key.values), _code(key.default), _cell(key.meaning), _code(key.example)]
    return f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    return f"`{_cell(text)}`" if text else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _settings() -> str:
    rows = [
        "## Settings from the environment\n",
        "Command line wins over environment, environment over file.\n",
    ]
    rows += ["| key | variable |", "|---|---|"]
    rows += [f"| `{setting}` | `{variable(setting)}` |" for setting in SETTINGS]
    return "\n".join(rows) + "\n"
