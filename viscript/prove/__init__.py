"""The promises, tried on this machine: real programs, real kills, in a scratch home that leaves nothing."""
