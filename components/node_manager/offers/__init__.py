"""What nodes offer, and how long they were there."""
