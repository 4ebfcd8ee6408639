"""What is done during a visit: each step gives figures by name (see `metrics`)."""
