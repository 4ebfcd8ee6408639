"""`host://KEY`: the embedded store of another host, over streams of the link to it."""
