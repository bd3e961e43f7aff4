"""Parquet files, as all of them are opened: regular files only, and a page whose checksum differs is an error."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from wordstates.errors import InputError
from wordstates.wording import said


def open_parquet(path: str | Path) -> pq.ParquetFile:
    """Open a Parquet file; pages that have checksums are compared with them as they are read.

    Raises:
        InputError: If it is no regular file, or cannot be read.
    """
    if not Path(path).exists():
        raise InputError(f"{str(path)!r} does not exist.")
    if not Path(path).is_file():
        raise InputError(f"{str(path)!r} is no regular file: it is not read.")
    if not os.access(path, os.R_OK):
        raise InputError(f"{str(path)!r} cannot be read: you have no permission to.")
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except UnicodeEncodeError:
        raise InputError(f"{str(path)!r} is no Unicode text: rename its folder, or the file.") from None
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{str(path)!r} cannot be read as .parquet: it is broken ({said(error)}).") from error
