"""From texts to vectors: what is read, in which windows, and where each vector belongs."""
