"""Opens files written by the Go test in pyarrow, polars and duckdb, prints what they hold as JSON, and writes files for the Go test.

Usage: check_interop.py FOLDER
"""

from __future__ import annotations

import datetime
import decimal
import json
import math
import os
import sys

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq


def read(path: str) -> dict[str, object]:
    """Types and values as each library sees them; values must agree."""
    table = pq.read_table(path)
    frame = pl.read_parquet(path)
    relation = duckdb.sql(f"SELECT * FROM read_parquet('{path}')")
    plain = table.to_pylist()
    out: dict[str, object] = {
        "arrow": {f.name: str(f.type) for f in table.schema},
        "polars": {k: str(v) for k, v in frame.schema.items()},
        "duckdb": {c: str(t) for c, t in zip(relation.columns, relation.types)},
        "rows": [table.num_rows, frame.height, relation.to_arrow_table().num_rows],
        "first": json.loads(json.dumps(plain[0], default=str)) if plain else None,
    }
    return out


def rows() -> pa.Table:
    """The rows of the Go type `shared` in interop_test.go."""
    utc = datetime.timezone.utc
    return pa.table(
        {
            "ID": pa.array([1, 2, 3], pa.int64()),
            "small": pa.array([-1, 0, 127], pa.int8()),
            "Count": pa.array([1, 2, 2**32 - 1], pa.uint32()),
            "X": pa.array([1.5, math.nan, -0.0], pa.float64()),
            "Y": pa.array([1.5, None, 2.5], pa.float32()),
            "Name": pa.array(["a", "", "ü"], pa.string()),
            "Raw": pa.array([b"\x00", None, b""], pa.binary()),
            "Flag": pa.array([True, False, True]),
            "At": pa.array([datetime.datetime(2013, 1, 1, tzinfo=utc), None, datetime.datetime(2262, 1, 1, tzinfo=utc)], pa.timestamp("ns", "UTC")),
            "Day": pa.array([datetime.date(2013, 1, 1), datetime.date(1969, 12, 31), None], pa.date32()),
            "Tags": pa.array([["x", "y"], [], None], pa.list_(pa.string())),
            "Counts": pa.array([[("a", 1), ("b", 2)], [], None], pa.map_(pa.string(), pa.int64())),
            "Pos": pa.array([{"X": 1.0, "Y": 2.0}, {"X": 3.0, "Y": 4.0}, {"X": 5.0, "Y": 6.0}]),
            "Deep": pa.array([[{"K": "a", "V": [1, None]}], [{"K": "b", "V": None}, {"K": "c", "V": []}], []], pa.list_(pa.struct([("K", pa.string()), ("V", pa.list_(pa.int64()))]))),
        }
    )


def foreign() -> pa.Table:
    """What Go never writes, but must read or name."""
    return pa.table(
        {
            "price": pa.array([decimal.Decimal("12.30"), decimal.Decimal("-0.05"), None], pa.decimal128(9, 2)),
            "half": pa.array([1.5, -2.0, 65504.0], pa.float16()),
            "clock": pa.array([datetime.time(1, 2, 3), datetime.time(0), datetime.time(23, 59)], pa.time64("us")),
            "local": pa.array([datetime.datetime(2013, 1, 1, 5)] * 3, pa.timestamp("ms")),
            "micros": pa.array([datetime.datetime(1500, 1, 1)] * 3, pa.timestamp("us", "UTC")),
            "kind": pa.array(["a", "b", "a"]).dictionary_encode(),
            "big text": pa.array(["x", "y", "z"], pa.large_string()),
            "nothing": pa.nulls(3),
            "fixed": pa.array([b"ab", b"cd", b"ef"], pa.binary(2)),
            "2nd": pa.array([1, 2, None], pa.int16()),
            "nested": pa.array([[[1], None], None, []], pa.list_(pa.list_(pa.int32()))),
        }
    )


def main() -> None:
    folder = sys.argv[1]
    out = {name: read(os.path.join(folder, name)) for name in sorted(os.listdir(folder)) if name.endswith(".parquet")}
    table = rows()
    pq.write_table(table, os.path.join(folder, "py_default.parquet"))
    pq.write_table(table, os.path.join(folder, "py_zstd.parquet"), compression="zstd", data_page_version="2.0", row_group_size=2, use_dictionary=False)
    pq.write_table(table, os.path.join(folder, "py_gzip.parquet"), compression="gzip", use_dictionary=False, data_page_size=1)
    pq.write_table(table, os.path.join(folder, "py_none.parquet"), compression="none")
    pq.write_table(table, os.path.join(folder, "py_lz4.parquet"), compression="lz4")
    encodings = {"ID": "DELTA_BINARY_PACKED", "small": "DELTA_BINARY_PACKED", "X": "BYTE_STREAM_SPLIT", "Y": "BYTE_STREAM_SPLIT", "Name": "DELTA_BYTE_ARRAY", "Raw": "DELTA_LENGTH_BYTE_ARRAY", "At": "BYTE_STREAM_SPLIT", "Flag": "RLE"}
    pq.write_table(table, os.path.join(folder, "py_encodings.parquet"), use_dictionary=False, column_encoding=encodings, version="2.6")
    pq.write_table(foreign(), os.path.join(folder, "py_foreign.parquet"))
    pl.from_arrow(table).write_parquet(os.path.join(folder, "pl_default.parquet"))
    n = 300_000
    many = pa.table({"N": pa.array(range(n), pa.int64()), "L": pa.array([list(range(i % 4)) for i in range(n)], pa.list_(pa.int64())), "S": pa.array([f"s{i % 1000}" for i in range(n)])})
    pq.write_table(many, os.path.join(folder, "py_many.parquet"), row_group_size=70_001, data_page_size=1000, column_encoding={"N": "DELTA_BINARY_PACKED", "S": "DELTA_BYTE_ARRAY"}, use_dictionary=["L.list.element"])
    json.dump(out, sys.stdout)


if __name__ == "__main__":
    main()
