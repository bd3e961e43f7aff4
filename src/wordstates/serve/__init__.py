"""Word vectors over HTTP."""
