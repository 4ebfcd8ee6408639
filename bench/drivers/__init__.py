"""One client process for each peer, in its own language and with its own library; see `loop`."""
