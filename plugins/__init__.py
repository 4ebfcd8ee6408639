"""The apps that come with viscript; each registers through the public hooks."""
