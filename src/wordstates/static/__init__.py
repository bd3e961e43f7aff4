"""Static vectors: one per word type, made of its usages."""
