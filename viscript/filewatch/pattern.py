"""The paths and patterns of `watch`. Pure; wrong text raises ValueError.

`src` is a file, or a folder with all below it; `*`, `?` and `[abc]` stand for letters of one name and `**`
for any number of folders. What editors and tools leave behind is passed over, unless it is named in full.
"""

import fnmatch
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

MAX_CHARS: Final = 4096
MAX_DEPTH: Final = 40

PASSED_OVER: Final = frozenset(
    {".git", ".hg", ".svn", "__pycache__", "node_modules", ".venv", ".mypy_cache", ".pytest_cache"}
)
# Written beside a file while it is edited: vim, emacs, nano, kate, gedit, and whoever renames over it.
_LEFTOVER: Final = re.compile(
    r".*~|\.#.*|#.*#|\..*\.sw[a-z]|4913|\..*\.kate-swp|\.goutputstream-.*|.*\.tmp|.*\.py[co]|\.fuse_hidden.*"
)
_MAGIC: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Pattern:
    """Where to look, and the names below that count; None among them is `**`, none at all is everything."""

    base: str
    names: tuple[re.Pattern[str] | None, ...]

    @property
    def depth(self) -> int:
        """How many names below `base` a path that counts may have."""
        return MAX_DEPTH if not self.names or None in self.names else len(self.names)

    def counts(self, below: tuple[str, ...]) -> bool:
        """Whether the path of these names below `base` is meant."""
        if not self.names:
            return True
        places = self._with_skipped({0})
        for name in below:
            places = self._with_skipped({to for at in places for to in self._after(at, name)})
        return len(self.names) in places

    def _after(self, at: int, name: str) -> tuple[int, ...]:
        """Where one more name leads from the place `at`."""
        if at == len(self.names):
            return ()
        wanted = self.names[at]
        if wanted is None:
            return (at,)
        return (at + 1,) if wanted.match(name) else ()

    def _with_skipped(self, places: set[int]) -> set[int]:
        """`**` may stand for no folder at all."""
        for at, wanted in enumerate(self.names):
            if wanted is None and at in places:
                places.add(at + 1)
        return places


def parse_pattern(text: str) -> Pattern:
    """One entry of `watch`. Raises ValueError."""
    if not text.strip():
        raise ValueError("must not be empty")
    if len(text) > MAX_CHARS:
        raise ValueError(f"longer than {MAX_CHARS} characters")
    parts = PurePosixPath(text).parts
    plain = next((at for at, part in enumerate(parts) if _MAGIC.search(part)), len(parts))
    if ".." in parts[plain:]:
        raise ValueError('".." cannot stand behind a wildcard')
    if len(parts) > plain + MAX_DEPTH:
        raise ValueError(f"more than {MAX_DEPTH} names behind a wildcard")
    names = tuple(None if part == "**" else re.compile(fnmatch.translate(part)) for part in parts[plain:])
    return Pattern(str(PurePosixPath(*parts[:plain])), names)


def is_passed_over(name: str) -> bool:
    """Whether nobody means this name when he watches the folder it is in."""
    return name in PASSED_OVER or _LEFTOVER.fullmatch(name) is not None
