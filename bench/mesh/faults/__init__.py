"""Faults of the mesh, done to real processes while apps talk: what stalls, what is lost, what fails."""
