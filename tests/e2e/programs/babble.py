"""Connects to the bus as it was told, sends frames that mean nothing as fast as it may, and never reads."""

import os
import random

import zmq

socket = zmq.Context().socket(zmq.DEALER)
socket.setsockopt(zmq.RCVHWM, 1)
socket.connect(os.environ["VISCRIPT_ENDPOINT"])
seeded = random.Random(7)
while True:
    frames = [seeded.randbytes(seeded.choice((0, 1, 30, 4000, 60_000))) for _ in range(seeded.randint(1, 4))]
    socket.send_multipart(frames)
