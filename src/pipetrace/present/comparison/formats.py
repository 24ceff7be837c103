"""The formats of a comparison."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from pipetrace.comparison.records import Comparison, ModelComparison
from pipetrace.errors import ArgumentError
from pipetrace.present.blocks import Block
from pipetrace.present.comparison.blocks import comparison_blocks, model_blocks
from pipetrace.present.formats.json import encode, indented
from pipetrace.present.markdown import write_markdown
from pipetrace.present.text import write_text_of
from pipetrace.trace.document import Trace

VERSION = 1
"""The version of the JSON; it changes if a key is removed or changes its meaning."""

Made = Comparison | ModelComparison


def blocks_of(made: Made) -> Iterator[Block]:
    """A comparison of runs, or of a run and a saved model, as blocks."""
    return comparison_blocks(made) if isinstance(made, Comparison) else model_blocks(made)


def as_text(made: Made, traces: Sequence[Trace]) -> str:  # noqa: ARG001 as the others
    """A comparison as plain text."""
    return write_text_of(blocks_of(made))


def as_markdown(made: Made, traces: Sequence[Trace]) -> str:  # noqa: ARG001 as the others
    """A comparison for a pull request."""
    return write_markdown(blocks_of(made))


def as_json(made: Made, traces: Sequence[Trace]) -> str:  # noqa: ARG001 as the others
    """A comparison for programs: the whole record, its verdict and its exit code."""
    facts = {"version": VERSION, "verdict": made.verdict, "exit_code": made.exit_code}
    return indented({**facts, **encode(made)})


def as_html(made: Made, traces: Sequence[Trace]) -> str:
    """A comparison of runs as a page; that of a saved model has none.

    Raises:
        ArgumentError: it is of a saved model.
    """
    if not isinstance(made, Comparison):
        raise ArgumentError(
            "There is no page for the comparison with a saved model.",
            where="--format html",
            hint="Give --format markdown or json.",
        )
    from pipetrace.present.comparison.page import comparison_page

    return comparison_page(made, traces)


FORMS: Mapping[str, Callable[[Made, Sequence[Trace]], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "json": as_json,
    "html": as_html,
}
"""By the names that ``config.CHOICES`` lists for the command line."""
