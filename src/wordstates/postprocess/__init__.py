"""What is done to vectors once they are pooled: centered, standardized, whitened, reduced."""
