"""Stores: folders of shards that resume."""
