"""A saved model on rows in many files: the trace of all of them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipetrace.capture import saved
from pipetrace.errors import DataNotFoundError
from pipetrace.record.measure.dataset import targets_of
from pipetrace.record.measure.outcomes import Found
from pipetrace.record.pipeline import record_model
from pipetrace.record.progress import Progress
from pipetrace.record.state import Measured
from pipetrace.scale.engines import here, over_dask
from pipetrace.scale.measuring import Part, model_file
from pipetrace.scale.partitions import Partition
from pipetrace.stats.outcome_parts import OutcomePart, is_whole, outcome_of, outcomes_by_class
from pipetrace.trace.document import Data
from pipetrace.trace.measurements import TRAINING
from pipetrace.trace.rows import Target


def record_partitions(
    model_path: Path,
    partitions: Sequence[Partition],
    on: str | None,
    out: Path,
    progress: Progress,
    **settings: Any,
) -> Path:
    """Pass the rows of many files through a saved model, maybe on a cluster, and write the trace.

    Data flow and outcomes are those of all rows. Predictions, rows to look at and what else needs
    single rows come from at most 2,000, evenly spaced in each partition. ``settings`` are further
    fields of ``Settings``. Errors are those of ``record_saved``, of files, and of the cluster.
    """
    progress.begins("Loading the model")
    model, file = saved.load_model(model_path), model_file(model_path)
    progress.begins(f"Measuring the data flow of {len(partitions):,} partitions")
    if on is None:
        part = here(partitions, file, progress.rows)
    else:
        part = over_dask(on, partitions, file, progress.rows)
    if part is None:
        raise DataNotFoundError(
            "The files have no rows.",
            where=partitions[0].name,
            hint="Give files with rows in them.",
        )
    return record_model(
        model,
        part.sample,
        out,
        progress,
        measured=Measured(part.flow, outcomes(part), part.numbers),
        data=data_of(part, partitions, settings.pop("data_name", None)),
        **settings,
    )


def outcomes(part: Part) -> Found:
    """The outcomes of all rows, and those of each class."""
    found: Found = []
    for place, each in enumerate(part.outcomes):
        title = TRAINING if len(part.outcomes) == 1 else f"{TRAINING}/{place}"
        found.append((title, outcome_of(each)))
        found += [(f"{title}/{label}", own) for label, own in outcomes_by_class(each).items()]
    return found


def data_of(part: Part, partitions: Sequence[Partition], name: str | None) -> Data:
    """The facts of the rows."""
    classes: tuple[str, ...] = partitions[0].classes
    counts = [own.rows or 0 for own in outcomes_by_class(part.outcomes[0]).values()]
    known = len(part.outcomes) == 1 and len(counts) == len(classes) > 0
    files = sum(len(each.urls) for each in partitions)
    return Data(
        name=name or f"{partitions[0].kind} files",
        description=f"{part.flow.rows:,} rows in {files:,} files of the kind {partitions[0].kind}.",
        notice=None,
        origin="files",
        available=part.flow.rows,
        fingerprint=part.fingerprint,
        class_names=classes if known else (),
        class_counts=tuple(counts) if known else (),
        validation_rows=0,
        example_row=int(part.numbers[0]),
        example_label=int(np.asarray(part.sample.targets[0][0])) if known else None,
        example_value=None,
        targets=tuple(
            _target(each, own)
            for each, own in zip(targets_of(part.sample), part.outcomes, strict=False)
        ),
        partitions=len(partitions),
    )


def _target(sampled: Target, part: OutcomePart) -> Target:
    """What an output is to give, of all rows: name, shape and dtype are those of the sample."""
    found, whole = outcome_of(part), is_whole(part)
    distinct = found.classes_present
    if found.target_binary == 1:
        distinct = 1 if found.target_min == found.target_max else 2
    return replace(
        sampled,
        whole=whole,
        min=found.target_min,
        max=found.target_max,
        mean=found.target_mean,
        std=found.target_std,
        distinct=distinct if whole else None,
    )
