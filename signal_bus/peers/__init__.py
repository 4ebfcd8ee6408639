"""Connections between the daemons of hosts: doors, dialling, messages, and streams with credit."""
