"""One training in a process of its own: prints what it took as one line of JSON, the last one.

python -m benchmarks.cost.worker '{"name": "digits", "recorded": true, "quick": false}'
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.cost.workloads import WORKLOADS

import pipetrace


def main() -> None:
    """Train, and say how long each ``fit`` took until it returned."""
    order: dict[str, Any] = json.loads(sys.argv[1])
    work = WORKLOADS[order["name"]](0.3 if order["quick"] else 1.0)
    seconds, worked, parts = 0.0, 0.0, {}
    with tempfile.TemporaryDirectory() as folder:
        for number, make in enumerate(work.fits):
            model, given = make()
            path = Path(folder) / f"{number}.trace"
            began, before = time.perf_counter(), time.process_time()
            callbacks = [pipetrace.Recorder(path)] if order["recorded"] else []
            model.fit(**given, callbacks=callbacks, verbose=0)
            seconds += time.perf_counter() - began
            worked += time.process_time() - before
        if order["recorded"]:
            trace = pipetrace.read(path)
            parts = {name: round(took, 3) for name, took in trace.cost.items()}
            parts |= {"rows": trace.rows, "stages seen": len(trace.stages)}
    print(
        json.dumps(
            {
                "title": work.title,
                "fits": len(work.fits),
                "seconds": seconds,
                "processor": worked,
                "parts": parts,
            }
        )
    )


if __name__ == "__main__":
    main()
