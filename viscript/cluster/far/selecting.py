"""Which hosts a text means. Pure.

m2              the host of that label, or `localhost`
m1,m2           both
edge-*          all whose label is like that
role=edge       all that carry that label; several conditions, parted by commas, hold together
3f2a9c01        the host whose key begins so (8 digits at least)
@all            all, this one too
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from viscript.cluster.links.api import HostState
from viscript.errors import ExitCode, VerbError
from viscript.verbs.suggest import nearest

ALL: Final = ("@all", "all")
LONGEST: Final = 512
_KEY: Final = re.compile(r"[0-9a-f]{8,64}")
_FEW_DIGITS: Final = re.compile(r"[0-9a-f]{1,7}")
_GLOB: Final = frozenset("*?[")


@dataclass(frozen=True)
class Chosen:
    """The hosts meant; `single` when the text names one, and not some of a kind."""

    hosts: tuple[HostState, ...]
    single: bool


def select(text: str, hosts: Sequence[HostState]) -> Chosen:
    """The hosts that `text` means, in the order of `hosts`. Raises `VerbError` NOT_FOUND."""
    if not text or len(text) > LONGEST:
        raise VerbError(ExitCode.USAGE, "no host is named so")
    terms = text.split(",")
    conditions = [term for term in terms if "=" in term]
    names = [term for term in terms if "=" not in term]
    keys = {host.key for name in names for host in _named(name, hosts)} if names else None
    found = [
        host
        for host in hosts
        if (keys is None or host.key in keys) and all(_holds(term, host) for term in conditions)
    ]
    if not found:
        raise _nobody(text, hosts)
    single = len(terms) == 1 and not conditions and text not in ALL and not _GLOB.intersection(text)
    return Chosen(tuple(found), single)


def _named(name: str, hosts: Sequence[HostState]) -> list[HostState]:
    if name in ALL:
        return list(hosts)
    if name == "localhost":
        return [host for host in hosts if host.local]
    if _GLOB.intersection(name):
        found = [host for host in hosts if fnmatchcase(host.label, name)]
    else:
        found = [host for host in hosts if host.label == name] or _by_key(name, hosts)
    if not found:
        raise _nobody(name, hosts)
    return found


def _by_key(text: str, hosts: Sequence[HostState]) -> list[HostState]:
    if not _KEY.fullmatch(text):
        return []
    found = [host for host in hosts if host.key.hex().startswith(text)]
    if len(found) > 1:
        labels = ", ".join(host.label for host in found[:5])
        raise VerbError(ExitCode.USAGE, f'the key "{text}" begins that of {labels}; give more of it')
    return found


def _holds(condition: str, host: HostState) -> bool:
    name, _, value = condition.partition("=")
    return name in host.labels and fnmatchcase(host.labels[name], value)


def _nobody(text: str, hosts: Sequence[HostState]) -> VerbError:
    here = next((host.label for host in hosts if host.local), "")
    this_one = f' (this one is "{here}")' if here else ""
    if "=" in text:
        said = f"no host that carries {text} is known here{this_one}"
        return VerbError(ExitCode.NOT_FOUND, said, detail="`hosts -o wide` shows the labels of each")
    if _FEW_DIGITS.fullmatch(text) and any(host.key.hex().startswith(text) for host in hosts):
        said = f'no host is called "{text}"{this_one}; of a key, 8 digits are needed at least'
        return VerbError(ExitCode.NOT_FOUND, said, detail="`hosts -o wide` shows them")
    if text.endswith("/@all"):
        said = f'"{text}" is no host{this_one}; what another cluster shares is asked by: on {text} COMMAND'
        return VerbError(ExitCode.NOT_FOUND, said)
    return VerbError(
        ExitCode.NOT_FOUND,
        f'no host "{text}" is known here{this_one}',
        detail="`hosts` lists them",
        suggestions=nearest(text, [host.label for host in hosts]),
    )
