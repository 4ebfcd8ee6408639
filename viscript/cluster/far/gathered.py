"""What a command wrote, kept whole, up to a bound."""

from typing import Final

MOST_TEXT: Final = 4 * 1024 * 1024  # characters
CUT: Final = f"the answer is cut: it is longer than {MOST_TEXT} characters\n"


class Gathered:
    """A sink that keeps what is written."""

    def __init__(self, most: int = MOST_TEXT) -> None:
        self._out: list[str] = []
        self._err: list[str] = []
        self._left = most
        self.is_cut = False

    async def out(self, text: str) -> None:
        """Keep text for stdout."""
        self._keep(self._out, text)

    async def err(self, text: str) -> None:
        """Keep text for stderr."""
        self._keep(self._err, text)

    def _keep(self, where: list[str], text: str) -> None:
        piece = text[: self._left]
        self._left -= len(piece)
        self.is_cut = self.is_cut or len(piece) < len(text)
        where.append(piece)

    def texts(self) -> tuple[str, str]:
        """All of stdout and of stderr; the latter says when something is missing."""
        return "".join(self._out), "".join(self._err) + (CUT if self.is_cut else "")
