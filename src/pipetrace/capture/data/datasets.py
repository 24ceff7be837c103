"""The stages of a ``tf.data.Dataset``: what each was made with, and the form of its elements.

Nothing is iterated or changed. What a stage takes from and was made with is no promise of
TensorFlow's: a setting that is missing is left out, and where the inputs are missing the whole
dataset becomes one stage.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipetrace.capture import internals
from pipetrace.pipeline.kinds import dtype_name, is_dataset
from pipetrace.trace.document import SOURCE, STEP, Spec, Stage

OPERATIONS = {"TensorSlice": "slices", "Tensor": "tensors", "DenseToRagged": "ragged batch"}
"""What a stage does, where the name of its class does not say it: ``PaddedBatchDataset`` does."""
INFINITE = -1
"""What ``cardinality()`` gives of a dataset without an end."""
MOST_STAGES = 200


def dataset_stages(
    dataset: Any, source: str = "source", taken: Collection[str] = ()
) -> tuple[Stage, ...]:
    """The stages of a dataset, those that others take from first, the dataset itself last.

    Where TensorFlow does not tell what a dataset takes from, there is one stage: the elements,
    their number, and the size of a batch where the elements' shape has it. The first is called
    ``source``; no stage has one of the names ``taken``.
    """
    found: list[Stage] = []
    if not internals.supports_dataset_inputs(dataset):
        return (_stage(dataset, source, "dataset", ()),)
    _walk(dataset, found, {}, {*taken, source} if source in taken else set(taken), source)
    return tuple(found)


def element_specs(dataset: Any) -> tuple[Spec, ...]:
    """The tensors of a dataset's element, with None for the rows."""
    return dataset_stages(dataset)[-1].outputs


def _walk(
    dataset: Any, found: list[Stage], places: dict[int, int], taken: set[str], source: str
) -> int | None:
    """Add the stages of a dataset; return the place of its own, None where there are too many."""
    if id(dataset) in places:
        return places[id(dataset)]
    if len(places) > MOST_STAGES:
        return None
    places[id(dataset)] = -1
    told = internals.dataset_inputs(dataset)
    shares = internals.drawn_shares(told[0]) if len(told) > 1 else None
    if shares is not None:
        told = told[1:]  # the first one draws, and holds no rows
    inner = [_walk(each, found, places, taken, source) for each in told if is_dataset(each)]
    inputs = [found[place] for place in inner if place is not None and place >= 0]
    operation = _operation(type(dataset).__name__) if shares is None else "sample"
    plain = name = operation.replace(" ", "_") if found else source
    number = 2
    while name in taken:
        name, number = f"{plain}_{number}", number + 1
    taken.add(name)
    places[id(dataset)] = len(found)
    found.append(_stage(dataset, name, operation, inputs, shares))
    return len(found) - 1


def _operation(name: str) -> str:
    """Such as ``padded batch``, from the name of the class."""
    word = name.strip("_").removesuffix("V2").removesuffix("V1").removesuffix("Dataset")
    spaced = re.sub("(?<=.)(?=[A-Z])", " ", word.removeprefix("Parallel")).lower()
    return OPERATIONS.get(word, spaced)


def _stage(
    dataset: Any,
    name: str,
    operation: str,
    inputs: Sequence[Stage],
    shares: Sequence[float] | None = None,
) -> Stage:
    size = _cardinality(dataset)
    settings = {**internals.dataset_settings(dataset), **({"shares": shares} if shares else {})}
    elements = _elements(getattr(dataset, "element_spec", None))
    batched = max([each.config["dataset"]["batched"] for each in inputs], default=0)
    if operation in ("batch", "padded batch", "ragged batch"):
        batched += 1
    elif operation == "unbatch":
        batched = max(0, batched - 1)
    elif operation == "dataset":
        # What is given to fit has the rows of a batch as its first axis.
        lengths = {each["shape"][0] if each["shape"] else 0 for each in elements}
        batched = int(bool(lengths) and 0 not in lengths)
        if batched and lengths != {None}:
            settings["batch_size"] = lengths.pop()
    config = {
        "dataset": {
            "operation": operation,
            "class": type(dataset).__name__,
            "settings": settings,
            "elements": elements,
            "batched": batched,
            "cardinality": size if size is not None and size >= 0 else None,
            "infinite": size == INFINITE,
        },
        "from": [
            {"stage": each.name, "cardinality": each.config["dataset"]["cardinality"]}
            for each in inputs
        ],
    }
    outputs = _specs(elements, batched)
    received = outputs if not inputs else ()
    if inputs:
        received = tuple(
            replace(spec, source=before.name, output=at)
            for before in inputs
            for at, spec in enumerate(before.outputs)
        )
    return Stage(name, STEP if inputs else SOURCE, None, name, config, received, outputs)


def class_names(dataset: Any) -> tuple[str, ...]:
    """What Keras calls the classes of a dataset of files, however many stages follow it."""
    seen, left = set[int](), [dataset]
    while left and len(seen) < MOST_STAGES:
        each = left.pop()
        if id(each) in seen or not is_dataset(each):
            continue
        seen.add(id(each))
        names = getattr(each, "class_names", None)
        if isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names):
            return tuple(names)
        left += internals.dataset_inputs(each)
    return ()


def _cardinality(dataset: Any) -> int | None:
    try:
        return int(dataset.cardinality())
    except Exception:  # a dataset of somebody's own class
        return None


def _elements(spec: Any, key: str = "") -> list[dict[str, Any]]:
    """The tensors of one element: key or position, shape, dtype and class of specification."""
    if spec is None:
        return []
    if isinstance(spec, Mapping | tuple | list):
        items = list(spec.items() if isinstance(spec, Mapping) else enumerate(spec))
        if type(spec) is dict:
            items.sort()  # as Keras gives them to the model
        return [
            one
            for name, each in items
            for one in _elements(each, f"{key}/{name}" if key else str(name))
        ]
    dtype = getattr(spec, "dtype", None)
    known = dtype is not None and getattr(getattr(spec, "shape", None), "rank", None) is not None
    shape = [None if each is None else int(each) for each in spec.shape] if known else None
    dtype = None if dtype is None else dtype_name(dtype)
    return [{"key": key, "shape": shape, "dtype": dtype, "type": type(spec).__name__}]


def _specs(elements: Sequence[Mapping[str, Any]], batched: int) -> tuple[Spec, ...]:
    """The tensors of an element, those of x alone where it is a pair of x and y."""
    pairs = {each["key"].split("/")[0] for each in elements} == {"0", "1"}
    mine = [each for each in elements if not pairs or each["key"].split("/")[0] == "0"]
    if any(each["shape"] is None or each["dtype"] is None for each in mine):
        return ()
    found = []
    for each in mine:
        lengths = each["shape"][1:] if batched else each["shape"]
        key = each["key"].split("/", 1)[1] if pairs and "/" in each["key"] else each["key"]
        name = None if key.isdigit() or not key else key
        found.append(Spec((None, *lengths), each["dtype"], name=name))
    return tuple(found)
