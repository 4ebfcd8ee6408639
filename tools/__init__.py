"""What `boot.py` does once the Python is known to be new enough. Standard library only."""
