"""The mesh components; each runs as its own process."""
