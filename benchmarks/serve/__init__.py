"""What a request to `wordstates serve` costs, beside other servers, and what happens under five times the load."""
