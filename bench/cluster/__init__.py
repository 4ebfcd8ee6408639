"""The cluster: hosts on this machine, real ones and simulated ones, measured in one run."""
