"""Measuring: which recipe serves a task, and how the vectors of each layer lie."""
