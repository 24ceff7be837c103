"""Write the files that are made from the Python records: the viewer's declarations and the schema of the export.

Run it after a change of the records; a test compares the files with what it would write.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from pipetrace.present.views import Document
from pipetrace.present.wire import json_schema, typescript
from pipetrace.trace.document import Trace

ROOT = Path(__file__).resolve().parent.parent


def declarations() -> Iterator[tuple[Path, str]]:
    """The files and their texts."""
    yield ROOT / "src/pipetrace/present/viewer/document.d.ts", typescript(Document)
    schema = json_schema(Trace, "A pipetrace trace")
    yield ROOT / "docs/trace.schema.json", json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    for place, text in declarations():
        place.write_text(text, encoding="utf-8")
