"""Finds plugins, loads each apart from the others, and calls them without trusting them."""
