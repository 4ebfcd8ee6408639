"""Buffers that take memory as they are used.

`bytearray(size)` writes zeros to all of it: a node with a hundred links at rest would hold 80 MB for nothing.
"""

import mmap


def blank(size: int) -> memoryview:
    """Zeros; the system gives a page of memory when it is first written to, and takes all back at the end."""
    return memoryview(mmap.mmap(-1, size))
