"""Errors, one class for each kind, each with a slug that ``docs/messages.md`` explains.

Every message says what was wrong, where, and what to do next. The command line prints these parts
and exits with the class's code.
"""

import importlib
import itertools
import re
from functools import partial
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

    def __init_subclass__(cls, slug: str | None = None) -> None:
        cls.slug = slug or cls.slug

    def __init__(self, what: str, *, hint: str, where: str | None = None) -> None:
        # Names of a stranger's file stand in errors too.
        self.what = visible(what, kept="\n")
        self.where = where if where is None else visible(where)
        self.hint = visible(hint, kept="\n")
        super().__init__(self.what)

    def __reduce__(self) -> tuple[Any, ...]:
        # What is raised on one machine may be shown on another.
        return partial(type(self), self.what, where=self.where, hint=self.hint), ()

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        return f"{self.what}{place} {self.hint} [{self.slug}]"


class ArgumentError(PipetraceError, slug="bad-argument"):
    """An argument has an invalid value, such as zero epochs."""


class TooManyRowsError(ArgumentError, slug="too-many-rows"):
    """More rows were requested than the data has, validation rows included."""


class FrameworkError(PipetraceError, slug="no-framework"):
    """Keras or its backend is not installed or does not start."""


class MissingLibraryError(PipetraceError, slug="library-missing"):
    """A format is written or read by a library that is not installed."""


def library(name: str, use: str, where: str, extra: str) -> Any:
    """A library that an extra of the package installs, or a ``MissingLibraryError`` of its use."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingLibraryError(
            f"{use} {name.partition('.')[0]}, which is not installed.",
            where=where,
            hint=f'Install it: pip install "pipetrace[{extra}]"',
        ) from error


class ModelFileError(PipetraceError, slug="bad-model-file"):
    """A saved model is missing, is not a Keras model, or Keras refuses to load it."""


class ModelInputError(PipetraceError, slug="rows-do-not-fit"):
    """The rows do not fit the model's inputs, or the model fails on them."""


class TrainingError(PipetraceError, slug="training-failed"):
    """Keras raised an error during training; the trace holds the epochs before it."""


class StepError(PipetraceError, slug="step-failed"):
    """A step of a pipeline raised an error on the rows that it received."""


class ScriptError(PipetraceError, slug="script-failed"):
    """A checked program fails, or ends its process, before anything can be compared."""


class NothingToCompareError(PipetraceError, slug="nothing-to-compare"):
    """A checked program fits no model, records itself, or cannot be recorded."""


class RetrainError(PipetraceError, slug="cannot-retrain"):
    """A run cannot be trained again, or a change of it cannot be tried."""


class ClusterError(PipetraceError, slug="no-cluster"):
    """A cluster cannot be reached, lacks what it needs, or lost its workers."""


class DataError(PipetraceError, slug="bad-data"):
    """The base of what can be wrong with images and labels."""


class DataNotFoundError(DataError, slug="data-not-found"):
    """Nothing is there, or nothing in it is of a known form."""


class DataUnavailableError(DataError, slug="data-unavailable"):
    """A dataset that has to be downloaded could not be."""


class IdxFormatError(DataError, slug="not-idx"):
    """A file is not IDX, has the wrong magic number, or ends too early."""


class ArrayFormatError(DataError, slug="bad-arrays"):
    """A file of arrays cannot be read, lacks x or y, or its arrays have a wrong shape or type."""


class CountMismatchError(DataError, slug="count-mismatch"):
    """There are not as many labels as images."""


class ColumnsError(DataError, slug="columns-differ"):
    """The files of one data set have different columns, or the model takes none of them."""


class LabelError(DataError, slug="bad-labels"):
    """A label is outside 0 to 9 or not a whole number."""


class PixelError(DataError, slug="bad-pixels"):
    """Pixels are outside 0 to 255, not finite, or scaled already."""


class ImageFolderError(DataError, slug="bad-image-folder"):
    """A folder of images has fewer than two classes, more than ten, or a class without images."""


class ImageError(DataError, slug="unreadable-image"):
    """An image file cannot be decoded."""


class TraceError(PipetraceError, slug="bad-trace"):
    """The base of errors in reading a trace."""


class TraceNotFoundError(TraceError, slug="trace-not-found"):
    """The file does not exist."""


class StorageError(TraceError, slug="storage-unreachable"):
    """An object storage does not answer, or refuses this machine."""


class NotATraceError(TraceError, slug="not-a-trace"):
    """The file is something else."""


class DamagedTraceError(TraceError, slug="damaged-trace"):
    """The file is a trace but is damaged."""


class NewerTraceError(TraceError, slug="newer-trace"):
    """The file was written by a newer pipetrace with an unknown schema."""


class IncompleteTraceError(TraceError, slug="incomplete-trace"):
    """The trace ends before the requested part."""


class UnknownStageError(TraceError, KeyError, slug="no-such-stage"):
    """The trace has no stage, nested model or block of the requested name."""


class RuleError(PipetraceError, slug="rule-failed"):
    """A rule raised an error or yielded something else than findings; the others still ran."""

    findings: tuple[Any, ...] = ()  # the findings of the other rules


class BadRuleError(PipetraceError, slug="bad-rule"):
    """An object is not a rule: no subclass of Rule, or attributes are missing or malformed."""


class RuleClashError(PipetraceError, slug="rule-clash"):
    """Two rules have one code."""


class UnknownRuleError(PipetraceError, slug="no-such-rule"):
    """No rule has this code or name."""


class SettingsError(PipetraceError, slug="bad-settings"):
    """``[tool.pipetrace]`` in pyproject.toml cannot be read or has an unknown key or value."""


class ExpectationError(PipetraceError, slug="bad-expectation"):
    """A condition cannot be parsed, or names something that the trace does not have."""


class RunsError(PipetraceError, slug="bad-condition"):
    """A condition or an order of runs cannot be parsed, or names what no run has."""


class OutputError(PipetraceError, slug="bad-output"):
    """The base of errors in writing a file."""


class OutputExistsError(OutputError, slug="output-exists"):
    """The file exists and would be overwritten."""


class NotWritableError(OutputError, slug="not-writable"):
    """The folder is missing or not writable."""


class DiskFullError(OutputError, slug="disk-full"):
    """The disk is full, or the file can no longer be written for another reason."""


class InterruptedRunError(PipetraceError, slug="interrupted"):
    """Ctrl-C ended the run."""

    exit_code = 130


def first_line(error: BaseException) -> str:
    """The first line of what an error says, or its class where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


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
    return shorten(f"{type(error).__name__}: {' '.join(text.split())}".removesuffix(": "), 600)
