"""Free space: looked at before it runs out."""

from __future__ import annotations

import shutil
from pathlib import Path

from wordstates.errors import OutputError
from wordstates.store.write_shard import KEPT


class FreeSpace:
    """Watches the disk of a store.

    Args:
        folder: A folder on that disk.
        in_flight: Shards that are written at the same time.
    """

    def __init__(self, folder: Path, in_flight: int) -> None:
        self._folder = folder
        self._in_flight = in_flight
        self._largest = 0
        self._bytes = 0

    def wrote(self, size: int) -> None:
        """Learn the size of a shard."""
        self._largest = max(self._largest, size)
        self._bytes += size

    def check(self) -> None:
        """See that the next shards fit, as far as the ones before them tell.

        Raises:
            OutputError: If they do not.
        """
        needed = self._largest * self._in_flight
        free = shutil.disk_usage(self._folder).free
        if free < needed:
            raise OutputError(
                f"Disk nearly full: {free:,} bytes are free for {str(self._folder.parent)!r}, and the next shards take "
                f"about {needed:,}: free some space, or move the store to a larger disk; {KEPT}."
            )

    def foresee(self, share: float) -> str | None:
        """Say, when a share of the work is done, if the rest will not fit; None: it will, or that is not known."""
        if not self._bytes or not 0 < share < 1:
            return None
        needed = int(self._bytes / share) - self._bytes
        free = shutil.disk_usage(self._folder).free
        if free >= needed:
            return None
        return f"the rest of the store will take about {needed:,} bytes, and {free:,} are free"
