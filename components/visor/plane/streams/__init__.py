"""Streams between two nodes, over routes that come and go. Pure: no socket, clock, log or cipher.

A *group* joins two nodes. It holds up to 2^23 streams of each side and the few routes that carry them.
All speak *units* (`components.visor.plane.unit`). A route delivers the units of each direction in order and
without loss until it dies; then it loses any number of the last ones. On that the promise is built: each
stream's bytes reach the far reader in order and exactly once, however often the group changes its route.

* Who sends keeps each byte until it is acknowledged (`sending`, `store`). A change of route sends RESUME
  (what we have, what we grant) and starts again at the last acknowledged byte.
* Who receives takes the next byte expected, drops what it has, refuses what leaves a gap (`receiving`).
* OPEN, FIN and RESET may come twice. A FIN counts as one byte behind the last: it is acknowledged like data.
  RESET is answered by GONE. A FIN for a stream that is finished and forgotten is answered by GONE as well.

`group.Group` is the door; `api` says what the shell must bring.
"""
