"""Errors, one class for each kind, each with a slug that ``docs/messages.md`` explains.

Every message says what was wrong, where, and what to do next. The command line prints these parts
and exits with the class's code.
"""

import itertools
import re
from textwrap import shorten
from typing import Any

HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Controls of terminals and of the direction of writing, invisible characters, lone surrogates."""


def visible(text: str, kept: str = "") -> str:
    """A text of which every character can be seen, so that it can hide nothing from its reader.

    Line breaks and tabs become spaces, other characters of ``HIDDEN`` become U+FFFD, but those
    ``kept``. Joiners stay: Persian, Indic scripts and emoji need them.
    """
    if text.isprintable():  # none of them is
        return text

    def shown(found: re.Match[str]) -> str:
        character = found[0]
        if character in kept:
            return character
        return " " if character in "\n\r\t" else "\N{REPLACEMENT CHARACTER}"

    return HIDDEN.sub(shown, text.replace("\r\n", "\n"))


class PipetraceError(Exception):
    """The base of every error that pipetrace raises on purpose.

    Args:
        what: what was wrong and what was received, one or two sentences.
        where: the file, option or argument at fault, or None where there is no such place.
        hint: what to do next, in the imperative.
    """

    slug = "error"
    exit_code = 2

    def __init__(self, what: str, *, hint: str, where: str | None = None) -> None:
        # Names of a stranger's file stand in errors too.
        self.what = visible(what, kept="\n")
        self.where = where if where is None else visible(where)
        self.hint = visible(hint, kept="\n")
        super().__init__(self.what)

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        return f"{self.what}{place} {self.hint} [{self.slug}]"


class ArgumentError(PipetraceError):
    """An argument has an invalid value, such as zero epochs."""

    slug = "bad-argument"


class TooManyRowsError(ArgumentError):
    """More rows were requested than the data has, validation rows included."""

    slug = "too-many-rows"


class FrameworkError(PipetraceError):
    """Keras or its backend is not installed or does not start."""

    slug = "no-framework"


class MissingLibraryError(PipetraceError):
    """A format is written by a library that is not installed."""

    slug = "library-missing"


class ModelFileError(PipetraceError):
    """A saved model is missing, is not a Keras model, or Keras refuses to load it."""

    slug = "bad-model-file"


class ModelInputError(PipetraceError):
    """The rows do not fit the model's inputs, or the model fails on them."""

    slug = "rows-do-not-fit"


class TrainingError(PipetraceError):
    """Keras raised an error during training; the trace holds the epochs before it."""

    slug = "training-failed"


class StepError(PipetraceError):
    """A step of a pipeline raised an error on the rows that it received."""

    slug = "step-failed"


class ScriptError(PipetraceError):
    """A checked program fails, or ends its process, before anything can be compared."""

    slug = "script-failed"


class NothingToCompareError(PipetraceError):
    """A checked program fits no model, records itself, or cannot be recorded."""

    slug = "nothing-to-compare"


class RetrainError(PipetraceError):
    """A run cannot be trained again, or a change of it cannot be tried."""

    slug = "cannot-retrain"


class DataError(PipetraceError):
    """The base of what can be wrong with images and labels."""

    slug = "bad-data"


class DataNotFoundError(DataError):
    """Nothing is there, or nothing in it is of a known form."""

    slug = "data-not-found"


class DataUnavailableError(DataError):
    """A dataset that has to be downloaded could not be."""

    slug = "data-unavailable"


class IdxFormatError(DataError):
    """A file is not IDX, has the wrong magic number, or ends too early."""

    slug = "not-idx"


class ArrayFormatError(DataError):
    """An ``.npz`` file cannot be read, lacks x or y, or holds arrays of a wrong shape or type."""

    slug = "bad-arrays"


class CountMismatchError(DataError):
    """There are not as many labels as images."""

    slug = "count-mismatch"


class LabelError(DataError):
    """A label is outside 0 to 9 or not a whole number."""

    slug = "bad-labels"


class PixelError(DataError):
    """Pixels are outside 0 to 255, not finite, or scaled already."""

    slug = "bad-pixels"


class ImageFolderError(DataError):
    """A folder of images has fewer than two classes, more than ten, or a class without images."""

    slug = "bad-image-folder"


class ImageError(DataError):
    """An image file cannot be decoded."""

    slug = "unreadable-image"


class TraceError(PipetraceError):
    """The base of errors in reading a trace."""

    slug = "bad-trace"


class TraceNotFoundError(TraceError):
    """The file does not exist."""

    slug = "trace-not-found"


class NotATraceError(TraceError):
    """The file is something else."""

    slug = "not-a-trace"


class DamagedTraceError(TraceError):
    """The file is a trace but is damaged."""

    slug = "damaged-trace"


class NewerTraceError(TraceError):
    """The file was written by a newer pipetrace with an unknown schema."""

    slug = "newer-trace"


class IncompleteTraceError(TraceError):
    """The trace ends before the requested part."""

    slug = "incomplete-trace"


class UnknownStageError(TraceError, KeyError):
    """The trace has no stage, nested model or block of the requested name."""

    slug = "no-such-stage"


class RuleError(PipetraceError):
    """A rule raised an error or yielded something else than findings; the others still ran."""

    slug = "rule-failed"
    findings: tuple[Any, ...] = ()  # the findings of the other rules


class BadRuleError(PipetraceError):
    """An object is not a rule: no subclass of Rule, or attributes are missing or malformed."""

    slug = "bad-rule"


class RuleClashError(PipetraceError):
    """Two rules have one code."""

    slug = "rule-clash"


class UnknownRuleError(PipetraceError):
    """No rule has this code or name."""

    slug = "no-such-rule"


class SettingsError(PipetraceError):
    """``[tool.pipetrace]`` in pyproject.toml cannot be read or has an unknown key or value."""

    slug = "bad-settings"


class ExpectationError(PipetraceError):
    """A condition cannot be parsed, or names something that the trace does not have."""

    slug = "bad-expectation"


class RunsError(PipetraceError):
    """A condition or an order of runs cannot be parsed, or names what no run has."""

    slug = "bad-condition"


class OutputError(PipetraceError):
    """The base of errors in writing a file."""

    slug = "bad-output"


class OutputExistsError(OutputError):
    """The file exists and would be overwritten."""

    slug = "output-exists"


class NotWritableError(OutputError):
    """The folder is missing or not writable."""

    slug = "not-writable"


class DiskFullError(OutputError):
    """The disk is full, or the file can no longer be written for another reason."""

    slug = "disk-full"


class InterruptedRunError(PipetraceError):
    """Ctrl-C ended the run."""

    slug = "interrupted"
    exit_code = 130


def in_short(error: BaseException) -> str:
    """An error in one line: its class and its text, without TensorFlow's trace of its own graph."""
    if isinstance(error, PipetraceError):
        return error.what
    try:
        text = str(error)
    except Exception:  # an error of somebody's own may not even tell its text
        text = ""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    places = [
        number
        for number, line in enumerate(lines)
        if line.strip().startswith(('File "', "Stack trace"))
    ]
    said = (
        lines[places[-1] + 1 :]
        if places and any(line.strip() for line in lines[places[-1] + 1 :])
        else lines
    )
    raised = [
        number
        for number, line in enumerate(said)
        if re.match(r"\s*[A-Za-z_.]*(Error|Exception): ", line)
    ]
    if raised and places:
        said = list(itertools.takewhile(str.strip, said[raised[-1] :]))
    told = re.sub(r"^\s*Exception encountered when calling \S+\(\)\.\s*", "", " ".join(said)).split(
        "Arguments received by"
    )[0]
    text = re.sub(r"\[\[.*?\]\]|\[Op:\w+\]", "", told)
    return shorten(f"{type(error).__name__}: {' '.join(text.split())}", 600)
