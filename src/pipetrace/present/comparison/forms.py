"""The formats of a comparison."""

import json
from collections.abc import Callable, Mapping, Sequence

from pipetrace.comparison.records import Comparison
from pipetrace.present.comparison.blocks import comparison_blocks
from pipetrace.present.formats.json import encode
from pipetrace.present.markdown import write_markdown
from pipetrace.present.text import write_text_of
from pipetrace.trace.document import Trace

VERSION = 1
"""The version of the JSON; it changes if a key is removed or changes its meaning."""


def as_text(made: Comparison, traces: Sequence[Trace]) -> str:  # noqa: ARG001 as the others
    """A comparison as plain text."""
    return write_text_of(comparison_blocks(made))


def as_markdown(made: Comparison, traces: Sequence[Trace]) -> str:  # noqa: ARG001 as the others
    """A comparison for a pull request."""
    return write_markdown(comparison_blocks(made))


def as_json(made: Comparison, traces: Sequence[Trace]) -> str:  # noqa: ARG001 as the others
    """A comparison for programs: the whole record and its exit code."""
    found = {
        "version": VERSION,
        "exit_code": made.exit_code,
        **encode(made),
    }
    return json.dumps(found, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


FORMS: Mapping[str, Callable[[Comparison, Sequence[Trace]], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "json": as_json,
}
"""By the names that ``config.CHOICES`` lists for the command line."""
