"""A program of its own, ``python -m app.unparquet``: a parquet file comes in, one line of JSON and an NPZ file go out.

The library that reads parquet is native code, and ends the process on some damaged files instead of raising. So the service
never calls it: this program does, with bounds on time and memory, and what happens to it happens to one upload.
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

_MEMORY, _CPU_S = 2**30, 60
_LONGEST_TEXT = 80
_KINDS = "give columns of numbers, of texts, or of lists of numbers"
Fault = tuple[str, str, int | None]


class Unreadable(Exception):
    """A column that is left out: why, the remedy, and the row at fault."""


def unpack(content: bytes, most_rows: int, most_bytes: int) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """All columns that can be read.

    Args:
        content: The file.
        most_rows: Rows from which on nothing is read.
        most_bytes: Size of the unpacked file from which on nothing is read.

    Returns:
        What is told of the file (``large``, or ``names`` of the arrays and ``faults`` of the columns left out), and arrays
        ``c0``, ``c1``, ... of float64, whole numbers or texts; a missing number is NaN, a missing text empty.
    """
    import pyarrow.parquet as pq

    file = pq.ParquetFile(io.BytesIO(content))
    schema, told = file.schema_arrow, file.metadata
    parts = [told.row_group(i).column(j) for i in range(told.num_row_groups) for j in range(told.num_columns)]
    size = max(8 * sum(part.num_values for part in parts), sum(part.total_uncompressed_size for part in parts))
    if told.num_rows > most_rows or size > most_bytes:
        return {"large": True}, {}
    if len(set(schema.names)) < len(schema.names):
        return {"large": False, "names": [], "faults": dict.fromkeys(schema.names, ("two columns have this name", "rename one", None))}, {}
    arrays, faults = dict[str, npt.NDArray[Any]](), dict[str, Fault]()
    for name in schema.names:
        try:
            arrays[name] = _array(content, name, schema.field(name).type)
        except Unreadable as fault:
            faults[name] = fault.args
    return {"large": False, "names": list(arrays), "faults": faults}, {f"c{j}": array for j, array in enumerate(arrays.values())}


def _array(content: bytes, name: str, kind: Any) -> npt.NDArray[Any]:
    import pyarrow.parquet as pq
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    is_text, is_list = types.is_string(kind) or types.is_large_string(kind), hasattr(kind, "value_type")
    number = kind.value_type if is_list else kind
    if not (is_text or types.is_floating(number) or types.is_integer(number)):
        raise Unreadable(f"values of type {kind} are no numbers and no texts", _KINDS, None)
    # Texts as a dictionary: a long one that all rows share is unpacked once.
    file = pq.ParquetFile(io.BytesIO(content), read_dictionary=[name] if is_text else None)
    column = file.read([name], use_threads=False).column(name).combine_chunks()
    if is_text:
        return _texts(column)
    return _curves(column) if is_list else np.asarray(column.to_numpy(zero_copy_only=False))


def _texts(column: Any) -> npt.NDArray[np.str_]:
    words = [str(word) for word in column.dictionary.to_pylist()]
    longest = max(map(len, words), default=0)
    if longest > _LONGEST_TEXT:
        raise Unreadable(f"a text has {longest} characters", f"give {_LONGEST_TEXT} at most", None)
    return np.array([*words, ""])[[len(words) if code is None else code for code in column.indices.to_pylist()]]


def _curves(column: Any) -> npt.NDArray[Any]:
    import pyarrow.compute as pc

    lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False))
    odd = np.flatnonzero(lengths != lengths[:1])
    if odd.size:
        told = f"the list has {lengths[odd[0]]} values, the first row {lengths[0]}"
        raise Unreadable(told, "give all curves the points of one axis", int(odd[0]))
    values = np.asarray(pc.list_flatten(column).to_numpy(zero_copy_only=False), dtype=np.float64)
    return values.reshape(len(lengths), lengths[0] if lengths.size else 0)


def main() -> None:
    """Read the bounds and the file from standard input; fail on a file that cannot be read."""
    for what, bound in ((resource.RLIMIT_DATA, _MEMORY), (resource.RLIMIT_CPU, _CPU_S)):
        resource.setrlimit(what, (bound, resource.getrlimit(what)[1]))
    most_rows, most_bytes = map(int, sys.stdin.buffer.readline().split())
    told, arrays = unpack(sys.stdin.buffer.read(), most_rows, most_bytes)
    sys.stdout.buffer.write(json.dumps(told).encode() + b"\n")
    np.savez(sys.stdout.buffer, **arrays)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
    # Native threads that are still starting abort a process that tidies up: after everything was told, once in 300 on a busy machine.
    os._exit(0)
