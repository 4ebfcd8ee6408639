"""What `components.visor.app` is made of."""
