"""Connections to the other hosts of the cluster: who is up, and streams to them."""
