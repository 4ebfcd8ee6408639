"""Five nodes of a mesh on one machine, brought up, shown and taken away again."""
