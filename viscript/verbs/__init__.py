"""The verb table: the one source of every command in every mode."""
