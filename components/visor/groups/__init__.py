"""Who this node talks to: groups, the paths their routes take, and what happens when these go."""
