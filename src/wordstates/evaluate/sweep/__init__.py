"""Sweeps: which recipe serves a task."""
