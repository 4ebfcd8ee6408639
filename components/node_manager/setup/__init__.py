"""The setup node: asked for a route by its initiator, it orders the rules from every node on the way."""
