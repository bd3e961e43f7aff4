"""How fast usages are found and shown: `python -m benchmarks.usages`."""
