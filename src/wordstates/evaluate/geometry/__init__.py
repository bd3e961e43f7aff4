"""Geometry: how the vectors of each layer lie."""
