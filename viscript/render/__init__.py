"""From results to text: tables, JSON, YAML, colours. No verb and no socket in here."""
