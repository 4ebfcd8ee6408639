"""What the mesh components share: rules and formats. No process, no bus."""
