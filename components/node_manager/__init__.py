"""What knows a mesh as a whole: service registry, discovery, route finder, setup node."""
