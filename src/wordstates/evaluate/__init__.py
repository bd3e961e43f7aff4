"""Which recipe serves a task: labelled data in, every recipe scored, a fair choice out."""
