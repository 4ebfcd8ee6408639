"""The side of a visor that apps see: their control connections, ports and streams."""
