"""The command line: one file per command, thin; `main` is the entry point."""

from wordstates.cli.app import main

__all__ = ["main"]
