"""The daemon's view of the apps: life cycle, dependencies, checks, stop order."""
