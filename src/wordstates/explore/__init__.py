"""To look at: pictures of usages, in a page of one's own machine."""
