"""Many hosts under one prompt: who belongs, how they are joined, and what runs where."""
