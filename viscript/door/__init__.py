"""The door: verbs, completion, notices and terminals over the home's unix socket."""
