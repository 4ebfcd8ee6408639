"""The route finder."""
