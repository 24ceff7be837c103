"""How weights after epochs and kept rows are forged: the tensors of a trace beside its examples."""

import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
from benchmarks.reliability.hostile_values import HUGE, NAMES, PARTS


def later_tensors(path: Path, rng: random.Random) -> None:
    """Change weights after epochs and kept rows: their parts, types, shapes, numbers and values."""
    with closing(sqlite3.connect(path)) as database, database:
        rows = database.execute(
            "SELECT rowid, part, name, dtype, shape, data FROM tensor "
            "WHERE part LIKE 'weight/%' OR part LIKE 'kept/%'"
        ).fetchall()
        for _ in range(rng.choice([1, 1, 2, 5])):
            if not rows:
                return
            row, part, name, dtype, shape, data = rng.choice(rows)
            values = np.frombuffer(data, np.dtype(dtype).newbyteorder("<"))
            lengths = json.loads(shape)
            rng.shuffle(lengths)
            changed = rng.choice(
                [
                    {"part": f"{part.partition('/')[0]}/{rng.choice(PARTS)}"},
                    {"part": rng.choice(rows)[1]},
                    {"name": rng.choice([*NAMES, *(each[2] for each in rows), "0", "7", "-1"])},
                    {"data": rng.choice(rows)[-1]},
                    {"shape": json.dumps(lengths)},
                    {"shape": json.dumps([len(values)])},
                    {"shape": json.dumps([*json.loads(shape), 1])},
                    {"shape": "[0]", "data": b""},
                    {"shape": "[70000]", "data": bytes(70_000), "dtype": "uint8"},
                    {"dtype": "uint8", "shape": json.dumps([len(data)])},
                    {"dtype": "string", "data": json.dumps(["a"] * len(values)).encode()},
                    {"dtype": "bool", "data": bytes(len(values))},
                    {"dtype": "float32", "data": values.astype("<f4").tobytes()},
                    {"dtype": "int64", "data": np.full(len(values), HUGE, "<i8").tobytes()},
                    *(
                        {"dtype": "float32", "data": np.full(len(values), each, "<f4").tobytes()}
                        for each in (np.nan, np.inf, 1e38, -1.0)
                    ),
                ]
            )
            new = {"part": part, "name": name, "dtype": dtype, "shape": shape, "data": data}
            columns = ", ".join(f"{each} = :{each}" for each in new)
            if rng.random() < 0.1:
                database.execute("DELETE FROM tensor WHERE part = ?", (part,))
            else:
                query = f"UPDATE OR REPLACE tensor SET {columns} WHERE rowid = :rowid"
                database.execute(query, {**new, **changed, "rowid": row})
