"""The stages of a ``tf.data.Dataset`` in words, as far as the dataset tells."""

from collections.abc import Callable, Mapping
from typing import Any

from pipetrace.explain.layers.parts import sentence
from pipetrace.explain.text import counted, listed, number
from pipetrace.trace.document import Stage

Facts = Mapping[str, Any]
AUTOTUNE = -1


def stage_words(stage: Stage) -> tuple[str, str]:
    """What a stage of a dataset does, and what its elements are."""
    before = [each.get("cardinality") for each in stage.config.get("from", ())]
    told = {**stage.config["dataset"], "before": before}
    words = WORDS.get(
        str(told["operation"]), f"a stage of class {told['class']}, of which no more is known"
    )
    return sentence(
        words if isinstance(words, str) else words(told)
    ), f"{_elements(told)} {_count(told)}"


def _elements(told: Facts) -> str:
    parts = [_element(each) for each in told["elements"]]
    noun = "batch" if told["batched"] else "element"
    return (
        f"Each {noun}: {listed(parts)}."
        if parts
        else f"What {'a' if noun == 'batch' else 'an'} {noun} is, is not told."
    )


def _element(each: Facts) -> str:
    key = f"{each['key']}: " if each["key"] and not str(each["key"]).isdigit() else ""
    if each["shape"] is None:
        return f"{key}{each['type']}" + (f" {each['dtype']}" if each["dtype"] else "")
    lengths = " x ".join("?" if length is None else str(length) for length in each["shape"])
    return f"{key}{lengths or 'a single value'} {each['dtype']}"


def _count(told: Facts) -> str:
    noun, nouns = ("batch", "batches") if told["batched"] else ("element", "elements")
    if told["infinite"]:
        return "It has no end."
    if told["cardinality"] is None:
        return f"How many {nouns} there are shows only when it runs."
    return f"It tells of {counted(int(told['cardinality']), noun, nouns)}."


def _batch(told: Facts) -> str:
    settings = told["settings"]
    before = told["before"]
    size, drop = settings.get("batch_size"), settings.get("drop_remainder")
    if size is None:
        return "puts elements together into batches"
    rest = ", and leaves out a rest that is fewer" if drop else ""
    words = f"puts {counted(int(size), 'element')} together into a batch{rest}"
    if len(before) != 1 or before[0] is None:
        return words
    full, over = divmod(int(before[0]), int(size))
    told_full = f"{number(full)} full {'one' if full == 1 else 'ones'}"
    if over and drop:
        elements = counted(int(before[0]), "element")
        return f"{words}: {elements} are {told_full}, and {number(over)} left out"
    return f"{words}: {counted(int(before[0]), 'element')} are {told_full}" + (
        f" and one of {number(over)}" if over else ""
    )


def _map(told: Facts) -> str:
    settings = told["settings"]
    noun = "batch" if told["batched"] else "element"
    return f"applies {_function(settings)} to each {noun}{_parallel(settings)}"


def _function(settings: Facts) -> str:
    name = settings.get("function")
    return (
        "a function"
        if name is None
        else str(name)
        if name == "a lambda"
        else f"the function {name}"
    )


def _parallel(settings: Facts) -> str:
    calls = settings.get("parallel_calls")
    if calls is None:
        return ""
    return (
        ", as many at a time as TensorFlow finds good"
        if calls == AUTOTUNE
        else f", {number(int(calls))} at a time"
    )


def _shuffle(told: Facts) -> str:
    settings = told["settings"]
    before = told["before"]
    size = settings.get("buffer_size")
    again = {True: ", anew in each epoch", False: ", in the same order in each epoch"}.get(
        settings.get("reshuffle"), ""
    )
    if size is None:
        return f"shuffles{again}"
    words = f"shuffles within a buffer of {counted(int(size), 'element')}{again}"
    if len(before) == 1 and before[0] is not None and int(size) < int(before[0]):
        words += f"; of {number(int(before[0]))} elements each can only move so far forward"
    return words


def _repeat(told: Facts) -> str:
    settings = told["settings"]
    count = settings.get("count")
    return (
        "repeats without end"
        if count in (None, -1)
        else f"goes through everything {counted(int(count), 'time')}"
    )


def _prefetch(told: Facts) -> str:
    settings = told["settings"]
    size = settings.get("buffer_size")
    noun = ("batch", "batches") if told["batched"] else ("element", "elements")
    if size is None or size == AUTOTUNE:
        return f"prepares {noun[1]} ahead while the model works, as many as TensorFlow finds good"
    return f"prepares up to {counted(int(size), *noun)} ahead while the model works"


def _some(verb: str) -> Callable[[Facts], str]:
    def words(told: Facts) -> str:
        count = told["settings"].get("count")
        return (
            f"{verb} the first {counted(int(count), 'element')}"
            if count is not None
            else f"{verb} the first elements"
        )

    return words


def _window(told: Facts) -> str:
    settings = told["settings"]
    size, shift = settings.get("size"), settings.get("shift")
    of = f" of {counted(int(size), 'element')}" if size is not None else ""
    apart = f", each {counted(int(shift), 'element')} further on" if shift is not None else ""
    return f"makes windows{of}{apart}, each a dataset of its own"


def _whole(told: Facts) -> str:
    size = told["settings"].get("batch_size")
    of = f", in batches of {number(int(size))}" if size is not None else ""
    return f"a tf.data.Dataset{of}; its stages are not recorded"


WORDS: Mapping[str, str | Callable[[Facts], str]] = {
    "dataset": _whole,
    "slices": "gives the rows of tensors in memory one by one",
    "tensors": "gives tensors in memory as one element",
    "range": lambda told: (
        f"counts from {told['settings']['start']} to below {told['settings']['stop']}"
        if {"start", "stop"} <= told["settings"].keys()
        else "counts"
    ),
    "map": _map,
    "shuffle": _shuffle,
    "batch": _batch,
    "padded batch": lambda told: f"{_batch(told)}; the shorter ones are filled up",
    "ragged batch": lambda told: f"{_batch(told)}; each keeps its own length",
    "unbatch": "takes batches apart into their elements",
    "prefetch": _prefetch,
    "repeat": _repeat,
    "cache": lambda told: (
        f"keeps what came through in the file {told['settings']['file']}"
        if told["settings"].get("file")
        else "keeps what came through in memory"
    ),
    "filter": lambda told: f"keeps the elements for which {_function(told['settings'])} says so",
    "take": _some("takes"),
    "skip": _some("leaves out"),
    "zip": lambda told: (
        f"puts the elements of {counted(max(2, len(told['before'])), 'dataset')} side by side"
    ),
    "concatenate": "gives one dataset after the other",
    "window": _window,
    "flat map": lambda told: (
        f"makes a dataset of each element by {_function(told['settings'])}, one after another"
    ),
    "interleave": lambda told: (
        f"makes a dataset of each element by {_function(told['settings'])}, and takes from "
        f"several in turn{_parallel(told['settings'])}"
    ),
    "shard": lambda told: (
        f"keeps one of every {told['settings']['shards']} elements"
        if told["settings"].get("shards")
        else "keeps a share of the elements"
    ),
    "options": "sets options for how the dataset runs",
    "unique": "leaves out elements that came before",
    "generator": "gives what a Python generator yields",
}
"""What each operation does, without its capital and period."""
