"""Runs over documents: into a file, for usages, for post-processing."""
