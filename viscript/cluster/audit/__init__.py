"""The audit: who had this host do what, and what came of it; signed and chained."""
