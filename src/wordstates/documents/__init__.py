"""Documents in: files, folders, standard input."""
