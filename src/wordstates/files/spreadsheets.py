"""Writers of tables for people: comma- and tab-separated values, and Excel's own files.

They hold words and their context on one line each, and vectors only on request. A cell that a spreadsheet would take
for a formula is kept a text: with an apostrophe before it in `.csv` and `.tsv`, by its type in `.xlsx`.
"""

from __future__ import annotations

import contextlib
import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, BinaryIO

from wordstates.errors import MissingExtraError, OutputError
from wordstates.files.atomic import PartialFile
from wordstates.files.formats import PROVENANCE
from wordstates.files.writer import FileWriter
from wordstates.options import VectorDtype
from wordstates.result.rows import Rows
from wordstates.wording import on_one_line

Cell = str | int | float | None
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BOM = b"\xef\xbb\xbf"
NUMBER = "id"  # of the rows, from 1: who sorts them can have them back as they were
_FIRST_COLUMNS = (NUMBER, "document", "target", "left", "word", "right")  # as people read them; the others follow
_LONGEST_CELL, _MOST_ROWS, _MOST_COLUMNS = 32_767, 1_048_576, 16_384  # of Excel


class SpreadsheetWriter(FileWriter):
    """Writes rows as cells: text on one line, a number as a number, a number of a vector a column.

    Args:
        partial: The file that is being written.
        dtype: Precision of the vectors.
        keyed: Have a column of keys from the first row on.
        vectors: Whether to write the vectors.
        bom: Whether the file begins with a byte order mark, by which Excel tells UTF-8; .xlsx needs none.
    """

    def __init__(
        self,
        partial: PartialFile | None,
        dtype: VectorDtype,
        *,
        keyed: bool = False,
        vectors: bool = False,
        bom: bool = False,
    ) -> None:
        super().__init__(partial, dtype, keyed=keyed)
        self._bom = bom
        self._vectors = vectors
        self._count = 0
        self._header: list[str] = []
        self._open()

    def _open(self) -> None:
        """Find out whether such a file can be written here."""

    def _append(self, rows: Rows) -> None:
        rows = rows if self._vectors else replace(rows, vectors={})
        columns = columns_for_people(rows, self._count)
        if not self._header:
            self._header = list(columns)
            self._begin(self._header)
        self._count += len(rows)
        self._write(zip(*columns.values(), strict=True))

    def _begin(self, header: Sequence[str]) -> None:
        """Open the file and write the names of the columns."""
        raise NotImplementedError

    def _write(self, lines: Iterable[tuple[Cell, ...]]) -> None:
        """Write some lines."""
        raise NotImplementedError


class CsvWriter(SpreadsheetWriter):
    """Comma-separated values, UTF-8; provenance in ``<file>.provenance.json`` beside it."""

    delimiter = ","
    _stream: BinaryIO | None = None

    def _begin(self, header: Sequence[str]) -> None:
        self._stream = self._file.path.open("wb")
        self._stream.write(_BOM if self._bom else b"")
        self._write([tuple(header)])

    def _write(self, lines: Iterable[tuple[Cell, ...]]) -> None:
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self.delimiter, lineterminator="\n")
        writer.writerows([_harmless(cell) for cell in line] for line in lines)
        if self._stream is not None:
            self._stream.write(text.getvalue().encode())

    def _finish(self, provenance: str) -> int:
        self._close()
        self._write_beside(provenance)
        return self._file.publish()

    def _close(self) -> None:
        if self._stream is not None:
            with contextlib.suppress(OSError):  # what it still holds does not fit, and is to be removed anyway
                self._stream.close()
        self._stream = None


class TsvWriter(CsvWriter):
    """Tab-separated values."""

    delimiter = "\t"


class XlsxWriter(SpreadsheetWriter):
    """Excel's own file, one sheet, the names of the columns frozen at its top; provenance in a property of the file."""

    _book: Any = None
    _sheet: Any = None

    def _open(self) -> None:
        try:
            import openpyxl  # noqa: F401
        except ImportError as error:
            raise MissingExtraError.of("xlsx", "writing .xlsx") from error

    def _begin(self, header: Sequence[str]) -> None:
        import openpyxl
        from openpyxl.styles import Font

        if len(header) > _MOST_COLUMNS:
            raise OutputError(
                f"{self._name!r}: .xlsx holds {_MOST_COLUMNS:,} columns, not {len(header):,}: write .csv."
            )
        self._book = openpyxl.Workbook(write_only=True)
        self._sheet = self._book.create_sheet("wordstates")
        self._sheet.freeze_panes = "A2"
        for place, name in enumerate(header):
            width = 50 if name in ("left", "right") else 18
            self._sheet.column_dimensions[openpyxl.utils.get_column_letter(place + 1)].width = width
        cells = [self._cell(name) for name in header]
        for cell in cells:
            cell.font = Font(bold=True)
        self._sheet.append(cells)

    def _write(self, lines: Iterable[tuple[Cell, ...]]) -> None:
        if self._count >= _MOST_ROWS:
            raise OutputError(f"{self._name!r}: .xlsx holds {_MOST_ROWS - 1:,} rows, and there are more: write .csv.")
        for line in lines:
            self._sheet.append([self._cell(cell) for cell in line])

    def _cell(self, value: Cell) -> Any:
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

        if isinstance(value, str):
            if len(value) > _LONGEST_CELL:
                raise OutputError(
                    f"{self._name!r}: a cell of .xlsx holds {_LONGEST_CELL:,} characters, and {value[:20]!r}... has "
                    f"{len(value):,}: write .csv."
                )
            value = ILLEGAL_CHARACTERS_RE.sub("\ufffd", value)
        elif isinstance(value, float) and math.isnan(value):
            value = None
        cell = WriteOnlyCell(self._sheet, value=value)
        if isinstance(value, str):
            cell.data_type = "s"  # never a formula
        return cell

    def _finish(self, provenance: str) -> int:
        self._book.properties.identifier = PROVENANCE
        self._book.properties.description = provenance
        self._book.save(self._file.path)
        self._book = self._sheet = None
        return self._file.publish()

    def _close(self) -> None:
        with contextlib.suppress(Exception):  # of a file that is to be removed anyway
            if self._sheet is not None:
                self._sheet.close()
                self._sheet._writer.cleanup()
        self._book = self._sheet = None


def columns_for_people(rows: Rows, before: int = 0) -> dict[str, list[Any]]:
    """Give the columns of rows as people read them, cell by cell.

    Args:
        rows: The rows.
        before: Rows before them: they are numbered through.
    """
    table: dict[str, list[Any]] = {NUMBER: list(range(before + 1, before + len(rows) + 1))}
    for name, values in rows.scalars.to_pydict().items():
        as_is = name in ("document", "key")
        name = f"input_{name}" if name == NUMBER else name
        table[name] = values if as_is else [on_one_line(cell) if isinstance(cell, str) else cell for cell in values]
    first = [name for name in _FIRST_COLUMNS if name in table]
    table = {name: table[name] for name in [*first, *(name for name in table if name not in first)]}
    for name, vectors in rows.vectors.items():
        flat = vectors.reshape(len(rows), -1) if len(rows) else vectors.reshape(0, math.prod(vectors.shape[1:]))
        table |= {f"{name}_{number}": values for number, values in enumerate(flat.T.tolist())}
    return table


def _harmless(cell: Cell) -> Cell:
    """Keep a spreadsheet from computing a text, and an empty cell for what is not there."""
    if isinstance(cell, str) and cell.startswith(_FORMULA):
        return f"'{cell}"
    return None if isinstance(cell, float) and math.isnan(cell) else cell
