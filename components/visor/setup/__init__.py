"""A visor's part in setting routes up: taking orders for rules, and asking for routes."""
