"""Its child has a session of its own and not one variable of its environment."""

import subprocess
import time

child = subprocess.Popen(["/usr/bin/env", "-i", "/usr/bin/setsid", "/bin/sleep", "60"])
print(child.pid, flush=True)
time.sleep(60)
