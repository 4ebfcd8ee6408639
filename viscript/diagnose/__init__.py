"""Why an app is in its state, who holds what it wants, and what is wrong with the host."""
