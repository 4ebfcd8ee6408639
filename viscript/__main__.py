"""`python -P -m viscript` is the command `viscript`."""

from viscript.oneshot import main

main()
