"""What a client does itself: talk through the door, and the verbs that need no daemon."""

# In place of a module: the handler of the verb table needs no daemon either.
BUILT_IN = "builtin"
