"""Threads as Parquet, for tools that read tables: one row per thread, with its seed, label and nails.

What all rows have in common (the board, the weights, the settings of sampling) is in the schema's metadata,
under the key nitograph, as JSON. The same threads give the same bytes. This module touches no disk.

Try it: python -m nitograph sample 7 --count 2000 -o sevens --format parquet
"""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import SettingsError
from nitograph.untrusted import need


def need_pyarrow() -> None:
    """SettingsError where pyarrow is missing."""
    need("pyarrow.parquet", SettingsError("Parquet needs pyarrow: pip install 'nitograph[parquet]'"))


def to_parquet(
    paths: Sequence[NDArray[np.integer]], seeds: Sequence[int], label: str | None, common: Mapping[str, Any]
) -> bytes:
    """A Parquet file of threads: their nails (t,) each, their seeds, the label of all."""
    import pyarrow as pa
    from pyarrow import parquet

    bounds = np.cumsum([0, *map(len, paths)]).astype(np.int32)
    nails = pa.ListArray.from_arrays(pa.array(bounds), pa.array(np.concatenate(paths).astype(np.int32)))
    table = pa.table(
        {
            "seed": pa.array(np.asarray(seeds, dtype=np.int64)),
            "label": pa.array([label] * len(paths), pa.string()),
            "nails": nails,
        }
    )
    text = json.dumps(common, ensure_ascii=False, sort_keys=True)
    file = io.BytesIO()
    parquet.write_table(table.replace_schema_metadata({"nitograph": text}), file, compression="zstd")
    return file.getvalue()
