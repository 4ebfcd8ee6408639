"""A program that knows nothing of viscript but one import; it ends when it is asked to."""

import threading

import signal_bus.auto  # noqa: F401

threading.Event().wait()
