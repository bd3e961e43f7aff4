"""Texts: words, alignment, windows, targets; numpy and the standard library."""
