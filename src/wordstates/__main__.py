"""Lets ``python -m wordstates`` be the command."""

from wordstates.cli import main

if __name__ == "__main__":
    main()
