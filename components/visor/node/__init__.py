"""The visor as one process: its parts put together, and what it answers over the bus."""
