"""The state a cluster shares: one contract, and the engines that keep it."""
