"""Faults done to a cluster while apps run and orders are given; on the ground of the end-to-end tests."""
