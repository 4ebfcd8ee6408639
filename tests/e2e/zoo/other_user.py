"""Its child is another user's, where it may be."""

import os
import time

if os.fork() == 0:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    os.setsid()
    print(os.getpid(), flush=True)
    time.sleep(60)
time.sleep(60)
