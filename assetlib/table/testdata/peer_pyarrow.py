"""Measures pyarrow on the rows of BenchmarkWrite5M and BenchmarkRead5M: CPU seconds of writing, reading and reading 2 of 7 columns.

Prints one JSON object. The table is in memory before the clock starts, as the Go rows are.
Usage: peer_pyarrow.py [rows] [rounds]
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def rows(n: int) -> pa.Table:
    r = np.random.default_rng(1)
    start = np.datetime64("2013-01-01T00:00:00", "ns").astype("int64")
    return pa.table(
        {
            "ID": pa.array(np.arange(n, dtype=np.int64)),
            "Value": pa.array(r.standard_normal(n)),
            "Name": pa.array([f"name-{i:07d}" for i in r.integers(0, 5_000_000, n)]),
            "Code": pa.array([f"code-{i:02d}" for i in r.integers(0, 100, n)]),
            "At": pa.array(start + np.arange(n, dtype=np.int64) * 1_000_000_000, pa.timestamp("ns", "UTC")),
            "Flag": pa.array(r.integers(0, 2, n) == 0),
            "Maybe": pa.array(r.standard_normal(n), mask=r.integers(0, 10, n) == 0),
        }
    )


def best(rounds: int, work) -> float:
    """The least CPU seconds, over all threads, of several rounds."""
    out = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        out.append(time.process_time() - start)
    return round(min(out), 3)


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    table = rows(n)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "peer.parquet")
        write = best(rounds, lambda: pq.write_table(table, path, compression="snappy"))
        size = os.path.getsize(path)
        del table
        read = best(rounds, lambda: pq.read_table(path))
        two = best(rounds, lambda: pq.read_table(path, columns=["ID", "Value"]))
    print(json.dumps({"pyarrow": pa.__version__, "rows": n, "write_cpu_s": write, "read_cpu_s": read, "read_2of7_cpu_s": two, "file_mb": round(size / 1e6, 1)}))


if __name__ == "__main__":
    main()
