"""Tables in: JSON lines, CSV and TSV, Parquet and Excel, each as a stream of rows by the names of their columns.

What a row means is not known here: `table_documents` makes documents of it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, cast

import pyarrow as pa
import pyarrow.parquet as pq

from wordstates.documents.decode import read_lines, seekable
from wordstates.documents.sources import Source
from wordstates.errors import InputError, MissingExtraError
from wordstates.json_text import read_json
from wordstates.options import Quoting
from wordstates.wording import counted, said

Row = tuple[int, dict[str, object]]  # line or row in the file, from 1, and the fields by their columns
CheckColumns = Callable[[str, list[str], str], None]  # place, columns, advice; raises InputError

_MOST_ROWS = 1 << 20  # of a sheet
_PARQUET_ROWS = 1024
_LINE_OF_TEXTS = 8  # times the longest text: JSON may write a character as six
_LONGEST_FIELD = 2**31 - 1  # csv's own limit is 128 KiB; more than this does not fit a C long everywhere
DELIMITERS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " ", "\\t": "\t"}


@dataclass(frozen=True, slots=True)
class Cells:
    """How the cells of CSV and TSV are separated.

    Args:
        delimiter: Character between them, or its name; None: a comma in CSV, a tab in TSV.
        quoting: ``csv``: a cell in quotes may hold delimiters and go on for lines; ``none``: a quote is a character
            like any other; ``auto``: as ``csv``, but a cell that goes on for lines and looks like a quote that was
            never closed is an error.
    """

    delimiter: str | None = None
    quoting: Quoting = "auto"

    def between(self, source: Source) -> str:
        """Give the character between the cells of a source.

        Raises:
            InputError: If it is no single character.
        """
        if self.delimiter is None:
            return "\t" if source.format == "tsv" else ","
        character = DELIMITERS.get(self.delimiter, self.delimiter)
        if len(character) != 1 or character in '"\r\n':
            raise InputError(
                f"Delimiter {self.delimiter!r} is not valid: give one character, or one of {', '.join(DELIMITERS)}."
            )
        return character


def read_jsonl(source: Source, encoding: str, check: CheckColumns, max_text: int) -> Iterator[Row]:
    """Read JSON lines; each line may have other keys."""
    for number, line in _lines(source, encoding, max_text, runs_of_blanks=True):
        if not line.strip():
            continue
        place = f"{source.name}:{number}"
        try:
            row = read_json(line, object_pairs_hook=partial(_object, place))
        except InputError:
            raise
        except ValueError as error:
            raise InputError(f"{place}: not valid JSON ({said(error)}); each line is one JSON object.") from error
        if not isinstance(row, dict):
            raise InputError(f"{place}: each line is one JSON object, but this one is a {type(row).__name__}.")
        check(place, list(row), "")
        yield number, row


def _lines(source: Source, encoding: str, max_text: int, *, runs_of_blanks: bool = False) -> Iterator[tuple[int, str]]:
    """Give the lines of a table; what text they hold is known only when they are read, but it is not longer."""
    longest = _LINE_OF_TEXTS * max_text
    for number, line in read_lines(source, encoding, longest=longest, runs_of_blanks=runs_of_blanks):
        if len(line) > longest:
            raise InputError(
                f"{source.name}:{number}: the line has more than {longest:,} characters, for texts of {max_text:,} at "
                "most: cut it, or pass max_text=... for longer ones."
            )
        yield number, line


def _object(place: str, pairs: list[tuple[str, object]]) -> dict[str, object]:
    row = dict(pairs)
    if len(row) < len(pairs):
        check_once(place, [key for key, _ in pairs], "key")
    return row


def check_once(place: str, names: Sequence[str], what: str = "column") -> None:
    """Check that no column or key is there twice, where the last would win.

    Raises:
        InputError: If one is.
    """
    if len(set(names)) < len(names):
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise InputError(f"{place}: the {what} {twice!r} is there twice: it is not clear which is meant. Rename one.")


def read_csv(source: Source, encoding: str, check: CheckColumns, cells: Cells, max_text: int) -> Iterator[Row]:
    """Read CSV or TSV, whose first line names the columns."""
    csv.field_size_limit(_LONGEST_FIELD)
    delimiter, what = cells.between(source), source.format.upper()
    taken: list[str] = []  # lines of the row that is being read
    lines = (_noted(line, taken) for _, line in _lines(source, encoding, max_text))
    # strict: without it, text after a closing quote and a quote that never closes are glued together in silence
    quoting: Literal[0, 3] = csv.QUOTE_NONE if cells.quoting == "none" else csv.QUOTE_MINIMAL
    rows = csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=True)
    header: list[str] | None = None
    while True:
        taken.clear()
        number = rows.line_num + 1  # where the row begins; quoted cells may go on for lines
        place = f"{source.name}:{number}"
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise InputError(f"{place}: not valid {what} ({said(error)}): {_advice(error)}.") from error
        if row is None:
            return
        if not row:
            continue
        if len(taken) > 1 and cells.quoting == "auto":
            _check_closed(place, taken, delimiter, len(header or row), what)
        if header is None:
            header = row
            check_once(place, header)
            _check_header(place, header, check)
        elif len(row) != len(header):
            raise InputError(
                f"{place}: the row has {counted(len(row), 'field')}, but the header names {len(header)}."
                + (_other_delimiter(row) or _other_delimiter(header))
            )
        else:
            yield number, dict(zip(header, row, strict=True))


def _check_header(place: str, header: list[str], check: CheckColumns) -> None:
    """Check the columns, and say so if they are one because another delimiter stands between them."""
    try:
        check(place, header, " The first line names the columns.")
    except InputError as error:
        if hint := _other_delimiter(header):
            raise InputError(f"{place}: the first line is a single column, {header[0]!r}.{hint}") from error
        raise


def _noted(line: str, taken: list[str]) -> str:
    taken.append(line)
    return line


def _advice(error: csv.Error) -> str:
    if "new-line" in str(error):
        return "a carriage return ends no line here: write the file with \\n or \\r\\n"
    return (
        "a field with quotes in it is quoted as a whole, each inner quote written twice; where quotes are characters "
        "like any other, pass quoting='none'"
    )


def _check_closed(place: str, lines: Sequence[str], delimiter: str, columns: int, what: str) -> None:
    """Refuse a row of several lines that looks like several rows: a quote in the first was never closed.

    In TSV any such row is refused, for it is seldom written with quotes; in CSV one whose every line has as many
    delimiters as the header, those before white space aside, which prose has.
    """
    if what == "CSV" or delimiter != "\t":
        if columns < 2:
            return
        pattern = re.compile(re.escape(delimiter) + r"(?!\s|$)")
        if any(len(pattern.findall(line)) != columns - 1 for line in lines):
            return
    raise InputError(
        f"{place}: a quote opens here and the field goes on for {counted(len(lines), 'line')}, as if the rows were "
        "one. Pass quoting='none' if quotes are characters like any other, or quoting='csv' if fields do go on for "
        "lines."
    )


def _other_delimiter(cells: Sequence[str]) -> str:
    """Say that another delimiter stands in what was read as one cell."""
    if len(cells) > 1:
        return ""
    found = next((name for name in ("semicolon", "tab", "comma", "pipe") if DELIMITERS[name] in cells[0]), None)
    return f" It looks as if a {found} stood between the fields: pass delimiter={found!r}." if found else ""


def read_parquet(source: Source, check: CheckColumns, wanted: Sequence[str] | None, texts: str) -> Iterator[Row]:
    """Read Parquet.

    Args:
        source: The file.
        check: Checks the columns.
        wanted: Columns to read; None: all.
        texts: The column that has to hold text.
    """
    with seekable(source) as file:
        number = 0
        for batch in _parquet_batches(source, file, check, wanted, texts):
            for row in _checked_rows(source, batch, number):
                number += 1
                yield number, row


def _parquet_batches(
    source: Source, file: object, check: CheckColumns, wanted: Sequence[str] | None, texts: str
) -> Iterator[pa.RecordBatch]:
    try:
        parquet = pq.ParquetFile(file)
        schema = parquet.schema_arrow
        check(source.name, schema.names, "")
        check_once(source.name, [name for name in schema.names if wanted is None or name in wanted])
        kind = schema.field(texts).type
        if not _holds_text(kind):
            raise InputError(f"{source.name!r}: column {texts!r} holds {kind}, not text or lists of words.")
        columns = None if wanted is None else list(dict.fromkeys(wanted))
        yield from parquet.iter_batches(batch_size=_PARQUET_ROWS, columns=columns)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last of a column's name
        raise InputError(f"{source.name!r}: not a Parquet file, or a broken one ({said(error)})") from error


def _checked_rows(source: Source, batch: pa.RecordBatch, before: int) -> list[dict[str, object]]:
    """Decode a batch; Parquet does not see to it that its strings are UTF-8, nor that its times fit Python's."""
    rows = f"rows {before + 1} to {before + batch.num_rows}"
    try:
        return cast(list[dict[str, object]], batch.to_pylist())
    except UnicodeDecodeError as error:
        raise InputError(f"{source.name!r}: {rows}: not valid UTF-8 ({error.reason}): write the file again.") from error
    except (ValueError, OverflowError, pa.ArrowException) as error:
        raise InputError(f"{source.name!r}: {rows}: a value cannot be read ({said(error)}).") from error


def _holds_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def read_xlsx(source: Source, check: CheckColumns) -> Iterator[Row]:
    """Read the first sheet of an Excel file; its first row names the columns, and cells are taken as text."""
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise MissingExtraError.of("xlsx", f"reading {source.name!r}") from error
    with seekable(source) as file:
        try:
            book = load_workbook(file, read_only=True, data_only=True)
            sheet = book.worksheets[0]
            rows = enumerate(rows_of_sheet(sheet), 1)
            yield from _sheet_rows(source, rows, check)
        except InputError:
            raise
        except Exception as error:  # openpyxl lets whatever its zip and XML readers raise come through
            raise InputError(f"{source.name!r}: not an Excel file (.xlsx), or a broken one ({said(error)})") from error


def rows_of_sheet(sheet: Any) -> Iterator[tuple[Any, ...]]:
    """Give the rows of a sheet, the empty ones before a row too: not for ever, whatever number a damaged row has.

    Raises:
        ValueError: If there are more rows than a sheet can have.
    """
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        if number > _MOST_ROWS:
            raise ValueError(f"a row has a number beyond {_MOST_ROWS:,}, which no sheet has")
        yield row


def _sheet_rows(source: Source, rows: Iterator[tuple[int, tuple[Any, ...]]], check: CheckColumns) -> Iterator[Row]:
    header: list[str] | None = None
    for number, cells in rows:
        row = [_cell_text(cell) for cell in cells]
        if not any(row):
            continue
        if header is None:
            while row and not row[-1]:
                row.pop()
            header = [name or "" for name in row]
            check_once(f"{source.name}:{number}", [name for name in header if name])
            check(f"{source.name}:{number}", header, " The first row names the columns.")
        else:
            row += [None] * (len(header) - len(row))
            yield number, {name: cell for name, cell in zip(header, row, strict=False) if name}


def _cell_text(cell: object) -> str | None:
    """Write a cell as Excel shows it, as far as it can be told."""
    if cell is None or isinstance(cell, str):
        return cell
    return str(cell).upper() if isinstance(cell, bool) else str(cell)
