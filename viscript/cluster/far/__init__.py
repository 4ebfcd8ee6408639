"""One prompt for many hosts: commands that run elsewhere, over the links between hosts."""
