"""The daemon: puts the supervisor, the bus, the door and the plugins together for one home."""
