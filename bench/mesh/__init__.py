"""What the mesh's data plane costs and takes, measured between processes as in production."""
