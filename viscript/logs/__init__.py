"""Reading what the keeper captured: one endless tape of lines per app, whatever was rotated."""
