"""What apps of the mesh share besides the SDK: their life, local ports, a visor that returns, copying."""
