"""What apps sent and received over the mesh: counted by app, peer and day, and signed for by both ends."""
