"""What users hold: the vectors of words, as arrays and as rows."""
