"""Lists as CSV (RFC 4180), a row at a time, so that a long one needs no memory."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Final

from flask import Response, stream_with_context

# Where spreadsheets see the beginning of a formula (OWASP, CSV injection): at a cell's start, behind spaces and quotes
# too. Where the comma is the decimal sign they part cells at ";", elsewhere at tabs, and quotes count at a cell's start
# only: to them text within one of our cells, such as a stranger's User-Agent, may begin a cell of its own.
_BEFORE_FORMULA: Final = re.compile(r'^(?=[\t\r\n])|(?:^|[;\t\r\n])(?=[ "]*[=+\-@])')


def answer(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Return a download called `name`; instants in ISO 8601, nothing for None, formulas as text."""
    response = Response(stream_with_context(_lines(header, rows)), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    buffer = io.StringIO()
    # All, so that a ";" within a cell does not part it wherever the quotes are understood.
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    for row in chain([header], rows):
        writer.writerow([harmless(cell) for cell in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def harmless(cell: object) -> str:
    """Return what stands in the cell; an apostrophe stands before what a spreadsheet would compute."""
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="seconds")
    text = "" if cell is None else str(cell)
    return text if isinstance(cell, int | float) else _BEFORE_FORMULA.sub(r"\g<0>'", text)
