"""Values of BigQuery's types: out of files, and as the API answers them (bigquery/docs/reference/standard-sql/data-types,
loading-data-cloud-storage-csv, loading-data-cloud-storage-json).

A value is None or text in one form for each type, which SQL can cast: true, 12, 1.5, 2019-08-01, 2019-08-01 07:00:00.000000+00."""

import base64
import json
import math
import re
from datetime import date, datetime, timezone
from decimal import Decimal, InvalidOperation

# As the API names them in its answers, by what one may say.
TYPES = {"STRING": "STRING", "BYTES": "BYTES", "INTEGER": "INTEGER", "INT64": "INTEGER", "FLOAT": "FLOAT", "FLOAT64": "FLOAT",
         "NUMERIC": "NUMERIC", "BIGNUMERIC": "BIGNUMERIC", "BOOLEAN": "BOOLEAN", "BOOL": "BOOLEAN", "DATE": "DATE", "TIME": "TIME",
         "DATETIME": "DATETIME", "TIMESTAMP": "TIMESTAMP", "JSON": "JSON"}


class BadValue(Exception):
    pass


def value_of(text, kind, maximum=None):
    """The value that a file's text stands for."""
    text = text if kind == "STRING" else text.strip()
    try:
        value = FORMS[kind](text)
    except (ValueError, InvalidOperation, OverflowError) as error:
        raise BadValue(f"Could not parse '{text}' as {kind}") from error
    if maximum is not None and kind == "STRING" and len(value) > int(maximum):
        raise BadValue(f"{len(value)} characters where {maximum} are the most")
    return value


def integer_of(text):
    if not re.fullmatch(r"[+-]?\d+", text) or not -2**63 <= int(text) < 2**63:
        raise ValueError
    return str(int(text))


def float_of(text):
    if not re.fullmatch(r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf|infinity|nan)", text, re.IGNORECASE):
        raise ValueError
    return float_text(float(text))


def float_text(number):
    if math.isnan(number) or math.isinf(number):
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    return repr(number)


def decimal_of(whole, fraction):
    def read(text):
        number = Decimal(text)
        if not number.is_finite() or -number.as_tuple().exponent > fraction or number.adjusted() >= whole:
            raise ValueError
        return format(number.normalize() if number else Decimal(0), "f")
    return read


def boolean_of(text):
    word = text.lower()
    if word in ("true", "t", "yes", "y", "1"):
        return "true"
    if word in ("false", "f", "no", "n", "0"):
        return "false"
    raise ValueError


def timestamp_of(text):
    """Without an offset it is in UTC; a number is seconds since 1970."""
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        when = datetime.fromtimestamp(float(text), timezone.utc)
    else:
        found = re.fullmatch(r"(\S+?)(?:[ T](\d{1,2}:\d{2}:\d{2}(?:\.\d{1,6})?))?\s*(?:Z|UTC|([+-])(\d{1,2})(?::?(\d{2}))?)?", text)
        if not found:
            raise ValueError
        day, clock, sign, hours, minutes = found.groups()
        offset = f"{sign}{int(hours):02d}:{minutes or '00'}" if sign else "+00:00"
        when = datetime.fromisoformat(f"{date_of(day)}T{time_of(clock or '00:00:00')}{offset}").astimezone(timezone.utc)
    return when.strftime("%Y-%m-%d %H:%M:%S.%f+00")


def date_of(text):
    found = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", text)
    if not found:
        raise ValueError
    return date(*map(int, found.groups())).isoformat()


def time_of(text):
    found = re.fullmatch(r"(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?", text)
    if not found or int(found[1]) > 23 or int(found[2]) > 59 or int(found[3]) > 59:
        raise ValueError
    return f"{int(found[1]):02d}:{found[2]}:{found[3]}.{(found[4] or '0').ljust(6, '0')}"


def datetime_of(text):
    found = re.fullmatch(r"(\d{4}-\d{1,2}-\d{1,2})(?:[ T](\d{1,2}:\d{2}:\d{2}(?:\.\d{1,6})?))?", text)
    if not found:
        raise ValueError
    return f"{date_of(found[1])} {time_of(found[2] or '00:00:00')}"


def json_of(text):
    return json.dumps(json.loads(text), separators=(",", ":"))


def bytes_of(text):
    return base64.b64encode(base64.b64decode(text, validate=True)).decode()


FORMS = {"STRING": str, "BYTES": bytes_of, "INTEGER": integer_of, "FLOAT": float_of, "NUMERIC": decimal_of(29, 9),
         "BIGNUMERIC": decimal_of(38, 38), "BOOLEAN": boolean_of, "DATE": date_of, "TIME": time_of, "DATETIME": datetime_of,
         "TIMESTAMP": timestamp_of, "JSON": json_of}


def answered(value, kind, as_microseconds=False):
    """bigquery/docs/reference/rest/v2/tabledata/list: every value is a string."""
    if value is None:
        return None
    if kind == "TIMESTAMP":
        when = datetime.strptime(value, "%Y-%m-%d %H:%M:%S.%f+00").replace(tzinfo=timezone.utc)
        micros = round((when - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds() * 1_000_000)
        return str(micros) if as_microseconds else scientific(micros / 1e6)
    if kind == "DATETIME":
        return value.replace(" ", "T").removesuffix(".000000")
    if kind == "TIME":
        return value.removesuffix(".000000")
    if kind == "FLOAT":
        return scientific(float(value)) if value not in ("NaN", "Infinity", "-Infinity") else value
    return value


def scientific(number):
    """Numbers as the service writes them: 1.5, and from ten millions on 1.5646392E9."""
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        return repr(float(number))
    mantissa, exponent = f"{number:.17e}".split("e")
    for digits in range(1, 18):
        text = f"{number:.{digits}e}"
        if float(text) == number:
            mantissa, exponent = text.split("e")
            break
    mantissa = mantissa.rstrip("0")
    return f"{mantissa}{'0' if mantissa.endswith('.') else ''}E{int(exponent)}"


class CsvFormat:
    """What of a load's configuration says how the file is to be read."""

    def __init__(self, load):
        self.delimiter = load.get("fieldDelimiter", ",")
        self.delimiter = {"\\t": "\t", "tab": "\t"}.get(self.delimiter, self.delimiter)
        self.quote = load.get("quote", '"')
        self.skipped = int(load.get("skipLeadingRows", 0))
        self.null = load.get("nullMarker", "")
        self.may_be_jagged = load.get("allowJaggedRows", False)
        self.may_have_more = load.get("ignoreUnknownValues", False)
        self.may_break_lines = load.get("allowQuotedNewlines", False)
        self.by_name = load.get("sourceColumnMatch", "POSITION") == "NAME"


def lines_of(text, form):
    """(number, cells or BadValue) of each line; a line break within quotes ends a line unless that was allowed. A cell in which
    nothing stands is None, one of two quotes is "": strings tell them apart (keboola/connection-docs, pull request 908)."""
    mark, quote = re.escape(form.delimiter), re.escape(form.quote)
    end = rf"({mark}|\r\n|\n|\r|\Z)"
    quoted = rf"{quote}((?:[^{quote}]|{quote}{quote})*){quote}{end}|" if form.quote else "()()"
    cell = re.compile(rf"{quoted}((?:[^{quote}{mark}\r\n][^{mark}\r\n]*)?){end}")
    if form.may_break_lines:
        yield from cut(text, cell, form)
        return
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        if line:
            yield from cut(line, cell, form, number)


def cut(text, cell, form, number=1):
    place, cells, length, doubled = 0, [], len(text), form.quote * 2
    while place < length or cells:
        found = cell.match(text, place)
        if found is None:
            rest = re.match(rf"{form.quote}(?:[^{form.quote}]|{doubled})*{form.quote}", text[place:]) if form.quote else None
            yield number, BadValue("Data between close quote character (\") and field separator." if rest else
                                   "Missing close quote character (\")")
            return
        inner, inner_end, plain, plain_end = found.groups()
        cells.append(inner.replace(doubled, form.quote) if inner is not None else plain or None)
        place = found.end()
        if (inner_end if inner is not None else plain_end) == form.delimiter:
            continue
        if cells != [None]:
            yield number, cells
        cells, number = [], number + 1


def rows_of_csv(data, fields, form):
    """(number, row or BadValue); bytes that are no UTF-8 become U+FFFD without a word, as with the service."""
    names = [field["name"].lower() for field in fields]
    order = None
    for number, cells in lines_of(data.decode("utf-8", errors="replace"), form):
        if number <= form.skipped:
            if form.by_name and not isinstance(cells, BadValue):
                order = [(name or "").lower() for name in cells]
            continue
        if isinstance(cells, BadValue):
            yield number, cells
            continue
        if form.by_name:
            if order is None:
                yield number, BadValue("to match columns by name the file needs a line of names (skipLeadingRows)")
                return
            cells = by_name(cells, order, names)
        yield number, row_of(cells, fields, form)


def by_name(cells, order, names):
    found = dict(zip(order, cells))
    unknown = [name for name in order if name not in names]
    return [found.get(name) for name in names] + [found[name] for name in unknown if name in found]


def row_of(cells, fields, form):
    if len(cells) > len(fields) and not form.may_have_more:
        return BadValue(f"Too many values in row. Expected {len(fields)}, found {len(cells)}")
    if len(cells) < len(fields) and not form.may_be_jagged:
        return BadValue(f"Too few values: {len(cells)} columns where there are {len(fields)}")
    row = []
    for index, field in enumerate(fields):
        try:
            row.append(cell_of(cells[index], field, form.null) if index < len(cells) else cell_of(None, field, None))
        except BadValue as error:
            return BadValue(f"{error} for {field['name']} (position {index})")
    return row


def cell_of(text, field, null):
    # Where another marker says what is null, an empty cell is none (rest/v2/Job, nullMarker).
    text = "" if text is None and null not in (None, "") else text
    is_null = text is None or (text == null and (null != "" or field["type"] not in ("STRING", "BYTES")))
    if is_null:
        if field.get("mode") == "REQUIRED":
            raise BadValue("Required column value is missing")
        return None
    return value_of(text, field["type"], field.get("maxLength"))


def rows_of_json(data, fields, may_have_more):
    """NEWLINE_DELIMITED_JSON: by name, and no other fields unless that was allowed."""
    names = {field["name"].lower(): field for field in fields}
    for number, line in enumerate(data.decode("utf-8", errors="replace").split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            if not isinstance(value, dict):
                raise ValueError("no object")
            unknown = [name for name in value if name.lower() not in names]
            if unknown and not may_have_more:
                raise BadValue(f"No such field: {unknown[0]}.")
            lower = {name.lower(): one for name, one in value.items()}
            row = []
            for name, field in names.items():
                one = lower.get(name)
                text = None if one is None else one if isinstance(one, str) else json.dumps(one)
                row.append(cell_of(text, field, None))
            yield number, row
        except BadValue as error:
            yield number, error
        except ValueError as error:
            yield number, BadValue(f"Error while reading data, error message: {error}")
