"""Measurements of viscript beside other supervisors, in one run. `python3 -m bench --help` says how."""
