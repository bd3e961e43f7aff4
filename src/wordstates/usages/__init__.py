"""Usages: an index of them, the nearest ones, concordances, senses."""
