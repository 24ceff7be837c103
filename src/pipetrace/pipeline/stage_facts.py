"""A passage as the facts of stages, in the classes that the caller brings: a pipeline knows no trace."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pipetrace.pipeline.datasets import DatasetStage, describe_dataset
from pipetrace.pipeline.forms import (
    ARRAY,
    DATASET,
    DICT,
    FRAME,
    LIST,
    SERIES,
    SPARSE,
    TUPLE,
    form_of,
    is_dataset,
    is_flat,
    kind_of,
)
from pipetrace.pipeline.passage import Passage, Passed
from pipetrace.pipeline.results import Batches, Parts, Rows, joined

StageT = TypeVar("StageT")
SpecT = TypeVar("SpecT")


@dataclass(frozen=True)
class Tensor:
    """The form of one array of rows: None for the rows, and its key where it has one."""

    shape: tuple[int | None, ...]
    dtype: str
    name: str | None = None


def stages_of(
    passage: Passage,
    stage: Callable[..., StageT],
    spec: Callable[..., SpecT],
    source: str = "source",
    more: Mapping[str, Any] | None = None,
) -> tuple[StageT, ...]:
    """The source and the steps as stages of a trace.

    What is not an array gets no spec: the stage then has no outputs, and the stage after it no inputs; what it is
    stands in the ``form`` of its configuration. A dataset's own stages come one by one.

    Args:
        passage: what ran.
        stage, spec: ``Stage`` and ``Spec`` of the trace's document.
        source: what the stage of the source is called; with signs after it where a step has that name.
        more: further facts for the source's configuration.

    Returns:
        the stages in order. The configuration of a step has the keys ``step``, ``given``, ``form``, ``goes_on``,
        ``rows``, ``facts``, ``held_out`` and, where there are targets, ``targets``; that of the source ``source``,
        ``form``, ``rows`` and ``targets``; that of a dataset's stage ``dataset`` and ``from``.
    """
    taken = {step.name for step in passage.steps}
    while source in taken:
        source += "_"
    first = passage.source.x
    made: list[_Made] = []
    if is_dataset(first):
        made += _dataset_stages(describe_dataset(first), source, taken)
    else:
        config = {
            "source": {"name": passage.name, "description": passage.description},
            **_whole(passage.source),
        }
        made.append(_Made(source, "source", {**config, **(more or {})}, tensors(first), None))
    for step in passage.steps:
        made.append(_Made(step.name, "step", step_config(step), _outputs(step), len(made) - 1))
    return tuple(_stage(each, made, stage, spec) for each in made)


def step_config(step: Passed) -> dict[str, Any]:
    """The facts of a step as plain JSON, from which ``explain`` makes its words."""
    given, result = step.forms
    config: dict[str, Any] = {
        "step": dict(step.action),
        "given": given.config,
        "form": result.config,
        "rows": [step.given.count, step.goes_on.count],
        "facts": [dict(fact) for fact in step.measured.facts],
        "held_out": step.held_out,
    }
    goes_on = step.goes_on
    if isinstance(step.result, Batches):
        config["rows"] = [step.given.count, sum(each.count or 0 for each in step.result.batches)]
        goes_on = joined(step.result.batches) or goes_on
    config["goes_on"] = form_of(goes_on.x).config
    if goes_on.y is not None:
        config["targets"] = form_of(goes_on.y).config
    if is_dataset(step.value):
        config["dataset"] = [each.config for each in describe_dataset(step.value)]
    return config


def tensors(value: Any, name: str | None = None) -> tuple[Tensor, ...]:
    """The arrays that a value is made of, in order; none where a part of it is no array of rows."""
    kind = kind_of(value)
    if kind == FRAME and form_of(value).dtype == "mixed":
        return tuple(Tensor((None,), dtype, column) for column, dtype in form_of(value).columns)
    if kind in (ARRAY, FRAME, SERIES, SPARSE):
        form = form_of(value)
        return (
            (Tensor((None, *(form.shape or (0,))[1:]), form.dtype or "", name),)
            if form.shape
            else ()
        )
    if kind in (DICT, TUPLE, LIST) and not is_flat(value):
        pairs = list(value.items()) if kind == DICT else [(None, each) for each in value]
        inner = [tensors(each, None if key is None else str(key)) for key, each in pairs]
        return tuple(one for each in inner for one in each) if all(inner) else ()
    return ()


@dataclass(frozen=True)
class _Made:
    """A stage before it has its class: its name, kind, facts, outputs, and the position of the one that it follows."""

    name: str
    kind: str
    config: Mapping[str, Any]
    outputs: tuple[Tensor, ...]
    before: int | None


def _stage(
    made: _Made, others: Sequence[_Made], stage: Callable[..., StageT], spec: Callable[..., SpecT]
) -> StageT:
    outputs = tuple(
        spec(shape=each.shape, dtype=each.dtype, name=each.name) for each in made.outputs
    )
    inputs = outputs if made.kind == "source" else ()
    if made.before is not None:
        before = others[made.before]
        inputs = tuple(
            spec(shape=each.shape, dtype=each.dtype, source=before.name, output=at, name=each.name)
            for at, each in enumerate(before.outputs)
        )
    return stage(
        name=made.name,
        kind=made.kind,
        layer=None,
        path=made.name,
        config=made.config,
        inputs=inputs,
        outputs=outputs,
    )


def _whole(rows: Rows) -> dict[str, Any]:
    found: dict[str, Any] = {"form": form_of(rows.x).config, "rows": rows.count}
    if rows.y is not None:
        found["targets"] = form_of(rows.y).config
    return found


def _outputs(step: Passed) -> tuple[Tensor, ...]:
    if isinstance(step.result, Batches):
        together = joined(step.result.batches)
        return () if together is None else tensors(together.x)
    rows = step.result.parts[0][1] if isinstance(step.result, Parts) else step.result
    if kind_of(rows.x) == DATASET:
        return _element_tensors(describe_dataset(rows.x)[-1])
    return tensors(rows.x)


def _dataset_stages(stages: Sequence[DatasetStage], source: str, taken: set[str]) -> list[_Made]:
    found: list[_Made] = []
    used = set(taken)
    for at, each in enumerate(stages):
        name = source if at == 0 else each.operation.replace(" ", "_")
        number = 2
        plain = name
        while name in used:
            name = f"{plain}_{number}"
            number += 1
        used.add(name)
        kind = "source" if not each.inputs else "step"
        came_from = each.inputs[-1] if each.inputs else None
        config = {
            "dataset": each.config,
            "from": [
                {"stage": found[place].name, "cardinality": stages[place].cardinality}
                for place in each.inputs
            ],
        }
        found.append(_Made(name, kind, config, _element_tensors(each), came_from))
    return found


def _element_tensors(stage: DatasetStage) -> tuple[Tensor, ...]:
    """The tensors of a dataset's element, those of x alone where it gives pairs, with None for the rows."""
    elements = [
        each for each in stage.elements if each.key.split("/")[0] != "1" or not _pairs(stage)
    ]
    if not elements or any(each.shape is None or each.dtype is None for each in elements):
        return ()
    found = []
    for each in elements:
        shape = each.shape or ()
        lengths = shape[1:] if stage.batched else shape
        key = each.key.split("/", 1)[1] if _pairs(stage) and "/" in each.key else each.key
        found.append(
            Tensor((None, *lengths), each.dtype or "", None if key.isdigit() or not key else key)
        )
    return tuple(found)


def _pairs(stage: DatasetStage) -> bool:
    """Whether its elements are pairs of x and y, as Keras takes them: then the places at the top are 0 and 1."""
    return {each.key.split("/")[0] for each in stage.elements} == {"0", "1"}
