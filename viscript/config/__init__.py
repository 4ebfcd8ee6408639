"""config.yaml: strict loading, its types, its schema, and the plan that applies it."""
