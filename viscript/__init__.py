"""viscript: starts, watches, explains and stops the programs of one host or many."""

__version__ = "0.1.0"
