"""Two clusters that know one another by key: what each shares with the other, and nothing else."""
