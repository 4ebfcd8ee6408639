"""The apps over the mesh, measured as their users meet them, beside other programs for the same."""
