"""Static vectors: one a word type, out of its usages."""
