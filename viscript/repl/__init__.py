"""The prompt. Loaded only when a person opens it; the daemon and the apps never do."""
