"""The data plane of a mesh node: what every byte of payload passes."""
