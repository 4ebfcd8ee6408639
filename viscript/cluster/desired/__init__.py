"""What a cluster is to run, and where: signed orders, a plan, and the host that carries its part out."""
