"""What sweeps find on published data: cost, the choice beside plain ones, shapes of the literature, a probe by hand."""
