"""`config explain KEY`: what a key means, its type, default and an example. Pure."""

import textwrap

from viscript.config.keys import Key, keys_of
from viscript.config.meaning import SECTIONS
from viscript.config.model import Config
from viscript.config.overrides import SETTINGS, variable
from viscript.config.suggest import ELSEWHERE, closest_word
from viscript.config.unsupported import MESSAGE, UNSUPPORTED
from viscript.errors import ExitCode, VerbError


def explain(path: str = "") -> str:
    """The text for a dotted key, in which an app's name or `*` may stand. Raises VerbError, exit 2."""
    words = [word.partition("[")[0] for word in path.split(".") if word]
    section: type | None = Config
    key: Key | None = None
    seen: list[str] = []
    name_allowed = False
    for word in words:
        known = {each.name: each for each in keys_of(section)} if section else {}
        if name_allowed and word not in known:
            name_allowed = False  # a name of the reader's own, such as that of an app
            continue
        if word not in known:
            raise _unknown(path, word, section, known)
        key = known[word]
        section, name_allowed = key.section, key.named
        seen.append(word)
    return _text(".".join(seen), key, section)


def _unknown(path: str, word: str, section: type | None, known: dict[str, Key]) -> VerbError:
    if section is not None and word in UNSUPPORTED.get(section, ()):
        return VerbError(ExitCode.USAGE, f"{path}: {MESSAGE}")
    hint = ELSEWHERE.get(word, "") or closest_word(word, known)
    return VerbError(ExitCode.USAGE, f'there is no key "{path}"', suggestions=(hint,) if hint else ())


def _text(path: str, key: Key | None, section: type | None) -> str:
    lines = _key_lines(path, key) if key else []
    if section is not None:
        lines += ["", SECTIONS[section.__name__], ""] if key else [SECTIONS[section.__name__], ""]
        lines += _table(keys_of(section))
    return "\n".join(lines) + "\n"


def _key_lines(path: str, key: Key) -> list[str]:
    lines = [path, "", *textwrap.wrap(key.meaning, 78, initial_indent="  ", subsequent_indent="  "), ""]
    lines.append(f"  type      {key.values}")
    if key.default:
        lines.append(f"  default   {key.default}")
    lines.append(f"  example   {key.name}: {key.example}")
    if path in SETTINGS:
        lines.append(f"  variable  {variable(path)}")
    return lines


def _table(keys: list[Key]) -> list[str]:
    width = max(len(key.name) for key in keys)
    indent = " " * (width + 4)
    lines: list[str] = []
    for key in keys:
        first = f"  {key.name:<{width}}  "
        lines += textwrap.wrap(key.meaning, 100, initial_indent=first, subsequent_indent=indent)
    return lines
