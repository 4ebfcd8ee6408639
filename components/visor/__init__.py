"""The mesh node: links, router, streams, and the door for apps."""
