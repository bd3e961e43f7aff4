"""Corpora: documents in, files out."""
