"""Pictures of usages, on a page that this machine serves or that is a file."""
