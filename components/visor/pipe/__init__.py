"""Runs an app of Skywire as of 2019, unchanged, as an app of this visor: the app pipe protocol 0.0.1.

python -P -m components.visor.pipe [--version V] [--port N] [--no-log-arg] -- BIN ARGS
"""
