"""The messenger: keeps track of who is there, relays connections, keeps letters for who is away."""
