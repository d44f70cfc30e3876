"""A CSV file as spreadsheet libraries read it, against the events it should hold."""

import json
import re

import openpyxl
import pandas


def check(path, events, workbook_path):
    """Opens the file by both libraries and compares every cell; how many there are."""
    # Everything as text, and no empty values, so that the cells are exactly those of the file.
    table = pandas.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    columns = list(table.columns)
    assert len(table) == len(events), (len(table), len(events))
    missing = {name for event in events for name in members(event)} - set(columns)
    assert not missing, f"no column for {missing}"
    for event, row in zip(events, table.itertuples(index=False, name=None)):
        compare(event, columns, row)
    # The same cells in a workbook: none of them may have become a formula.
    to_workbook(columns, table.itertuples(index=False, name=None), workbook_path)
    sheet = openpyxl.load_workbook(workbook_path, read_only=True).active
    rows = sheet.iter_rows()
    assert [cell.value for cell in next(rows)] == columns
    count = 0
    for event, row in zip(events, rows, strict=True):
        for cell in row:
            assert cell.value is None or cell.data_type == "s", (event, cell)
        cells = [cell.value or "" for cell in row]
        # A workbook has no cells after the last non-empty one of a row.
        cells += [""] * (len(columns) - len(cells))
        compare(event, columns, cells, in_xml=True)
        count += len(columns)
    return count


def to_workbook(columns, rows, path):
    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet()
    sheet.append(columns)
    for row in rows:
        sheet.append([text or None for text in row])
    workbook.save(path)


def compare(event, columns, row, in_xml=False):
    """Every cell must hold the member that its column leads to, or nothing where there is none."""
    for column, cell in zip(columns, row, strict=True):
        expected = member(event, column)
        found = cell
        if expected is None:
            expected = ""
        elif isinstance(expected, str):
            found = text(cell)
            assert cell, f"{event['id']}, {column}: an empty cell for {expected!r}"
        else:
            expected, found = canonical(expected), canonical(json.loads(cell))
        if in_xml:
            # XML has only one kind of line end.
            expected, found = one_line_end(expected), one_line_end(found)
        assert found == expected, f"{event['id']}, {column}: {cell!r} for {expected!r}"


# An apostrophe keeps spreadsheet programs from running a formula: at the beginning of a text, and within it after a
# character at which some program ends a cell or a line.
GUARD = re.compile("([;\t\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029])'(?='*[=+\\-@＝＋－＠])")


def text(cell):
    """The text of a cell."""
    return GUARD.sub(r"\1", cell.removeprefix("'"))


def member(event, column):
    """What stands where the name of a column leads."""
    for name in column.split("."):
        event = event.get(name) if isinstance(event, dict) else None
    return event


def members(event):
    """The names of an event's members as columns have them; those of actor and entity by themselves."""
    for name, value in event.items():
        if name in ("actor", "entity"):
            yield from (f"{name}.{inner}" for inner in value or {})
        else:
            yield name


def canonical(value):
    return json.dumps(value, sort_keys=True)


def one_line_end(text):
    return text.replace("\r\n", "\n").replace("\r", "\n")
