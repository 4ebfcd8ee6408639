"""A server that says too little when its port is taken, as many do: `port_conflict.py [HOST:]PORT`."""

import socket
import sys

host, _, port = sys.argv[1].rpartition(":")
try:
    server = socket.create_server((host or "127.0.0.1", int(port)))
except OSError:
    sys.exit("Address already in use")
print("listening", flush=True)
while True:
    server.accept()[0].close()
