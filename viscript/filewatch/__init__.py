"""Which files changed: patterns, a look at them within bounds, and when a change has settled."""
