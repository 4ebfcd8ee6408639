"""What can go wrong on the bus. Each class says who is wrong: our caller, the peer, or the world."""


class BusError(Exception):
    """Root of every error this package raises on purpose."""


class CallerError(BusError):
    """The program used the bus wrongly."""


class NotSupervised(CallerError):
    """This program was not started by a daemon that speaks the bus."""

    def __init__(self, missing: str) -> None:
        super().__init__(f"{missing} is not set: this program was not started under a signal server")
        self.missing = missing


class BadEnvironment(CallerError):
    """A variable of the environment holds something that cannot be right."""

    def __init__(self, name: str, value: str) -> None:
        super().__init__(f"{name}={value!r} is not valid")
        self.name = name
        self.value = value


class PeerError(BusError):
    """The other side is wrong, or answered with an error."""


class WireError(PeerError):
    """The peer sent bytes that are not a valid message. `request` is its id, where one could be read."""

    def __init__(self, reason: str, *, size: int, code: str = "bad-message", request: str = "") -> None:
        super().__init__(f"bad frame of {size} bytes: {reason}")
        self.reason = reason
        self.size = size
        self.code = code
        self.request = request


class RemoteError(PeerError):
    """The peer answered a request with an error; `code` is for programs, the sentence for people."""

    def __init__(self, code: str, text: str, *, retry: bool = False, detail: str = "") -> None:
        super().__init__(f"{code}: {text}" if text else code)
        self.code = code
        self.text = text
        self.retry = retry
        self.detail = detail


class Refused(RemoteError):
    """The server does not let this program join."""


class WorldError(BusError):
    """Neither side is wrong: a process died, a wire broke, time ran out."""


class NotJoined(WorldError):
    """No client speaks for that id now."""

    def __init__(self, seq: int) -> None:
        super().__init__(f"id {seq} has not joined the bus")
        self.seq = seq


class Gone(WorldError):
    """The client ended, left or stopped reading while an answer was awaited."""

    def __init__(self, seq: int, why: str) -> None:
        super().__init__(f"id {seq}: {why}")
        self.seq = seq
        self.why = why


class TimedOut(WorldError, TimeoutError):
    """No answer within the deadline."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"no answer to {what} within {seconds:g} s")
        self.what = what
        self.seconds = seconds


class Busy(WorldError):
    """A bound was reached: too many requests under way to one peer."""

    def __init__(self, what: str, bound: int) -> None:
        super().__init__(f"{what}: {bound} are under way already")
        self.what = what
        self.bound = bound


class Unreachable(WorldError):
    """Nothing answers at an endpoint."""

    def __init__(self, endpoint: str, why: str) -> None:
        super().__init__(f"{endpoint}: {why}")
        self.endpoint = endpoint
        self.why = why


class EndpointTaken(WorldError):
    """Another process listens on an endpoint we were to bind."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(f"{endpoint}: another process listens there")
        self.endpoint = endpoint


class KeyFileError(WorldError):
    """The identity file cannot be used as it is."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why
