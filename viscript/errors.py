"""Exit codes and the one error a verb raises; both are part of the public contract."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit status means; the same in every mode."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_HEALTHY = 3
    UNREACHABLE = 4
    NOT_FOUND = 5
    BAD_CONFIG = 6
    NOT_PERMITTED = 7
    TIMED_OUT = 8
    INTERRUPTED = 130


class ViscriptError(Exception):
    """Root of every error this package raises on purpose."""


class VerbError(ViscriptError):
    """A verb could not do what it was asked: one sentence for people, the rest as data."""

    def __init__(
        self,
        code: ExitCode,
        text: str,
        *,
        detail: str = "",
        suggestions: tuple[str, ...] = (),
        data: object = None,
    ) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.detail = detail
        self.suggestions = suggestions[:3]
        self.data = data
