"""What a host remembers: SQLite, in its own thread, so that no app ever waits for a disk."""
