"""The stages of a ``tf.data.Dataset`` in words, as far as the dataset gives its settings."""

import re
from collections.abc import Mapping
from typing import Any

from pipetrace.explain.formatting import counted, listed, share
from pipetrace.explain.layers.parts import by, fill, table
from pipetrace.trace.document import Stage

AUTOTUNE = -1

BATCH = """
[not batch_size] Puts elements together into batches{kind}.
[batch_size] Puts {batch_size:# element} together into a batch{kind}.
[full] {had:# element} make {full:# full batch/full batches}{rest}.
[drop_remainder] An incomplete last batch is dropped.
"""
WORDS: Mapping[str, str] = {
    "dataset": """
        [batch_size] A tf.data.Dataset, in batches of {batch_size:number}; its stages are not
            recorded.
        [not batch_size] A tf.data.Dataset; its stages are not recorded.
    """,
    "range": """
        [counts] Counts from {start} to below {stop}.
        [not counts] Counts.
    """,
    "shuffle": """
        [buffer_size] Shuffles within a buffer of {buffer_size:# {noun}/{nouns}}{again}.
        [not buffer_size] Shuffles{again}.
        [small] With {had:# {noun}/{nouns}}, none can move forward by more than
            {buffer_size:# position}.
    """,
    "batch": BATCH,
    "padded batch": BATCH,
    "ragged batch": BATCH,
    "prefetch": """
        [chosen] Prepares {nouns} ahead while the model works, as many as TensorFlow chooses.
        [not chosen] Prepares up to {buffer} ahead while the model works.
    """,
    "repeat": """
        [endless] Repeats forever.
        [not endless] Goes through everything {count:# time}.
    """,
    "cache": """
        [file] Keeps the {nouns} in the file {file}.
        [not file] Keeps the {nouns} in memory.
    """,
    "sample": """
        [shares] Takes each {noun} from one of {sources:# dataset}, drawn at random: {shares}.
        [not shares] Takes each {noun} from one of {sources:# dataset}, drawn at random.
    """,
    "directed interleave": """
        Takes each {noun} from one of several datasets; the first says from which.
    """,
    "take": """
        [count] Takes the first {count:# {noun}/{nouns}}.
        [not count] Takes the first {nouns}.
    """,
    "skip": """
        [count] Skips the first {count:# {noun}/{nouns}}.
        [not count] Skips the first {nouns}.
    """,
    "window": """
        [size, shift] Makes windows of {size:# element}, each {shift:# element} further on; each is
            a dataset of its own.
        [size, not shift] Makes windows of {size:# element}, each a dataset of its own.
        [not size] Makes windows, each a dataset of its own.
    """,
    "shard": """
        [shards] Keeps one of every {shards:number} {nouns}.
        [not shards] Keeps a share of the {nouns}.
    """,
    **dict(
        table(
            """
slices: Gives the rows of tensors in memory one by one.
tensors: Gives tensors in memory as one element.
map: Applies {function} to each {noun}{parallel}.
unbatch: Takes batches apart into their elements.
filter: Keeps the {nouns} for which {function} returns True.
zip: Puts the {nouns} of {sources:# dataset} side by side.
concatenate: Gives one dataset after the other.
flat map: Makes a dataset of each element by {function}, one after another.
interleave: Makes a dataset of each element by {function}, and takes from several in turn{parallel}.
options: Sets options for how the dataset runs.
unique: Drops {nouns} that occurred before.
generator: Gives what a Python generator yields.
"""
        )
    ),
}
"""What each operation does."""
UNKNOWN = "A stage of class {class}, of which no more is known."
ELEMENTS = """
[elements] Each {noun}: {elements}.
[not elements] The form of {a_noun} is not recorded.
[infinite] It never ends.
[known] There {are} {cardinality}.
[unknown] The number of {nouns} is known only when it runs.
"""
KINDS = {
    "padded batch": ", the shorter ones padded",
    "ragged batch": ", each with its own length",
}


def stage_words(stage: Stage) -> tuple[str, str]:
    """What a stage of a dataset does, and what its elements are."""
    facts = stage.config["dataset"]
    before = [each.get("cardinality") for each in stage.config.get("from", ())]
    fields = {**facts, **_computed(facts, before)}
    words = WORDS.get(str(facts["operation"]), UNKNOWN)
    return fill(words, fields, facts["settings"]), fill(ELEMENTS, fields, {})


def _computed(facts: Mapping[str, Any], before: list[Any]) -> dict[str, Any]:
    """The fields computed from settings, from how many elements each dataset ``before`` has, and of
    the elements."""
    settings, had = facts["settings"], before[0] if len(before) == 1 else None
    noun, nouns = ("batch", "batches") if facts["batched"] else ("element", "elements")
    function, calls = settings.get("function"), settings.get("parallel_calls")
    size, buffer = settings.get("batch_size"), settings.get("buffer_size")
    full, over = divmod(had, size) if size and had is not None else (0, 0)
    drops, again = settings.get("drop_remainder"), settings.get("reshuffle")
    named = "a function" if function is None else f"the function {function}"
    count, infinite = facts["cardinality"], facts["infinite"]
    known = count is not None and not infinite
    return {
        "shares": listed([share(float(each)) for each in settings.get("shares") or []]),
        "noun": noun,
        "nouns": nouns,
        "had": had,
        "function": function if function == "a lambda" else named,
        "parallel": {None: "", AUTOTUNE: ", as many in parallel as TensorFlow chooses"}.get(
            calls, f", {calls} in parallel"
        ),
        "again": {True: ", anew in each epoch", False: ", in the same order in each epoch"}.get(
            again, ""
        ),
        "small": buffer is not None and had is not None and buffer < had,
        "chosen": buffer in (None, AUTOTUNE),
        "buffer": "" if buffer in (None, AUTOTUNE) else counted(int(buffer), noun, nouns),
        "kind": KINDS.get(str(facts["operation"]), ""),
        "full": full,
        "rest": f" and one of {over}" if over and not drops else "",
        "drop_remainder": bool(drops),
        "endless": settings.get("count") in (None, -1),
        "counts": {"start", "stop"} <= settings.keys(),
        "sources": max(2, len(before)),
        "elements": listed([_element(each) for each in facts["elements"]]),
        "a_noun": "a batch" if facts["batched"] else "an element",
        "known": known,
        "unknown": count is None and not infinite,
        "are": "is" if count == 1 else "are",
        "cardinality": counted(int(count), noun, nouns) if known else "",
    }


def _element(each: Mapping[str, Any]) -> str:
    # A pair of x and y has their places before the keys: ``0/age``.
    name = re.sub(r"^\d+(/|$)", "", str(each["key"] or ""))
    key = f"{name}: " if name else ""
    if each["shape"] is None:
        return f"{key}{each['type']}" + (f" {each['dtype']}" if each["dtype"] else "")
    return f"{key}{by(each['shape']) or 'a single value'} {each['dtype']}"
