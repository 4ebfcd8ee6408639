"""When Python looks for cyclic garbage: not while the daemon comes up, nor among what it had then.

Such a look reads every object there is, and nothing else happens meanwhile: with a thousand apps, 50 ms in
which no ping is answered. What the daemon holds when it is up stays for as long as it lives, so it is passed
over from then on. Garbage that does not refer to itself, nearly all of it, is freed at once at all times.
"""

import gc


def hold_off() -> None:
    """Look for none until `resume`."""
    gc.disable()


def resume() -> None:
    """What is there now stays; look among what comes later."""
    gc.freeze()
    gc.enable()
