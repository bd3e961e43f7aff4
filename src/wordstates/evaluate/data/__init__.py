"""Labelled data for the sweeps."""
