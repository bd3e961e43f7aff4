"""Files out: formats, writers, and what a file says about itself."""
