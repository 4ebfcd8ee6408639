"""The transports of a visor: wanted, dialled, answered, kept, counted. `manager.Links` is the door."""
