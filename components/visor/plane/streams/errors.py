"""What goes wrong with streams, by who is wrong."""


class StreamsError(Exception):
    """The root of all errors of streams."""


class UnitError(StreamsError):
    """The peer sent a unit that is not valid here: close the route it came by."""


class LimitError(StreamsError):
    """What was asked for would pass a limit of this group or of this node: try later, or elsewhere."""
