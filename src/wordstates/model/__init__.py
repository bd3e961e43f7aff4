"""Models: loading, engines, pooling."""
