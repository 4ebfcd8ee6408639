"""The signal bus: typed messages between a daemon and the programs it looks after. Usable alone.

Import the part you need: `signal_bus.client` for a program, `signal_bus.server` for a daemon,
`signal_bus.auto` for one line that does the usual. This file imports nothing, so that importing any
one part costs that part only.
"""
