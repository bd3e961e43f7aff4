"""Who computes the shards of a store: this process, several, or the nodes of a cluster."""
