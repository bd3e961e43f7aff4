"""Word vectors where other libraries want them: scikit-learn and PyTorch."""
