"""Transport discovery and node entries."""
