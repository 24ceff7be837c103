"""What comes before a model: the source of the rows, and the steps that change them."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from pipetrace.explain.formatting import counted, exact, listed, number
from pipetrace.explain.layers.datasets import stage_words
from pipetrace.explain.layers.parts import NOT_TOLD, Operation, sentence
from pipetrace.trace.document import Stage

Facts = Mapping[str, Any]


def source(stage: Stage) -> Operation:
    """Where rows come from."""
    with suppress(*NOT_TOLD):  # a stranger's trace may hold anything
        if "dataset" in stage.config:
            return Operation(stage.name, *stage_words(stage))
        if "form" in stage.config:
            return _rows_as_they_come(stage)
    if not stage.outputs or len(stage.outputs[0].shape) != 4:
        return Operation("Input", "The rows as they come, before anything is done to them.")
    grey = stage.outputs[0].shape[-1] == 1
    return Operation(
        "Input image",
        f"{'Greyscale' if grey else 'Colour'} images, each pixel a whole number from 0 to 255."
        if stage.outputs[0].dtype == "uint8"
        else "Images, before anything is done to them.",
    )


def step(stage: Stage) -> Operation:
    """What is done to the rows before the model sees them."""
    config = stage.config
    with suppress(*NOT_TOLD):
        if "facts" in config:
            return Operation(stage.name, _does(config), _shape(config))
        if "dataset" in config:
            return Operation(stage.name, *stage_words(stage))
    if config.get("operation") == "divide":
        by = exact(float(config["by"]))
        return Operation(
            f"Scale to 0..{exact(255 / float(config['by']))}"
            if stage.inputs[0].dtype == "uint8"
            else stage.name,
            f"Divides every value by {by}.",
            "Every value is changed by itself, so the shape stays.",
        )
    return Operation(stage.name, "Changes the rows before the model sees them.")


def form_words(form: Facts) -> str:
    """What a value is: "1,000 rows of 28 x 28, uint8", "a dictionary of 2 arrays"."""
    kind = form["kind"]
    if kind in ("array", "frame", "series", "sparse"):
        count = form.get("rows")
        lengths = " x ".join(str(int(each)) for each in form["shape"][1:])
        noun = {"frame": "data frame", "series": "series", "sparse": "sparse matrix"}.get(kind)
        each = f" of {lengths}" if lengths else ""
        if count is None:
            return f"a single value, {form['dtype']}"
        told = f"{counted(int(count), 'row')}{each}, {form['dtype']}"
        return f"a {noun}: {told}" if noun else told
    if kind in ("dict", "tuple", "list"):
        return _container_words(form)
    simple = {"dataset": "a tf.data.Dataset", "generator": "a generator"}
    return simple.get(kind, f"an object of class {form['type']}")


def _container_words(form: Facts) -> str:
    noun = {"dict": "dictionary"}.get(form["kind"], str(form["kind"]))
    parts = list(form.get("parts", ()))
    length = int(form.get("length", len(parts)))
    if not length:
        return f"an empty {noun}"
    if form["kind"] == "list" and all(part["kind"] == "other" for part in parts):
        return f"a list of {counted(length, 'value')} of class {parts[0]['type']}"
    told = [form_words(part) for part in parts[:3]]
    if form["kind"] == "dict":
        told = [f"{part['key']} ({words})" for part, words in zip(parts, told, strict=False)]
    more = [f"{number(length - len(told))} more"] if length > len(told) else []
    return f"a {noun} of {listed([*told, *more])}"


def _rows_as_they_come(stage: Stage) -> Operation:
    config = stage.config
    words = sentence(form_words(config["form"]))
    if targets := config.get("targets"):
        words += f" With targets: {form_words(targets)}."
    return Operation("Input", f"The rows as they come, before anything is done to them. {words}")


def _does(config: Facts) -> str:
    """What the step was measured to do, and who does it."""
    seen = [WORDS[fact["kind"]](fact, config) for fact in config["facts"] if fact["kind"] in WORDS]
    changes = " ".join(sentence(words) for words in seen)
    act = config["step"]
    if act["kind"] == "transformer":
        library = str(act["module"]).split(".", maxsplit=1)[0]
        who = f"{act['class']} of {'scikit-learn' if library == 'sklearn' else library}"
    elif act["kind"] == "object":
        who = f"Calls an object of class {act['class']}"
    else:
        lone = act["name"] == "a lambda"
        who = f"Calls {act['name']}" if lone else f"Calls the function {act['name']}"
    if not seen:
        return f"{who}."
    return f"{who}: {changes[0].lower()}{changes[1:]}" if "class" in act else changes


def _shape(config: Facts) -> str:
    """How many rows come out, and what each of them is."""
    before, after = config["rows"]
    given, form = config["given"], config["goes_on"]
    rows = ""
    if before is not None and after is not None and before != after:
        split = any(fact["kind"] == "split" for fact in config["facts"])
        become = "becomes" if before == 1 else "become"
        rows = (
            f"The {counted(int(after), 'row')} for training go on. "
            if split
            else f"{counted(int(before), 'row')} {become} {number(int(after))}. "
        )
    if "shape" not in form or "shape" not in given:
        return f"{rows}Gives {form_words(config['form'])}."
    one, other = list(given["shape"][1:]), list(form["shape"][1:])
    if one == other:
        return f"{rows}{'The shape of a row stays' if rows else 'The shape stays'}."
    lengths = [" x ".join(map(str, each)) or "a single value" for each in (one, other)]
    return f"{rows}A row of {lengths[0]} becomes {lengths[1]}."


def _affine(fact: Facts, _: Facts) -> str:
    of, checked = _of(fact), f", measured on all {number(int(fact['values']))} values"
    if "features" in fact:
        words = (
            f"scales each of {number(int(fact['features']))} columns{of} by its own factor and "
            f"constant{checked}"
        )
        ends = [
            [round(float(each), 3) + 0.0 for each in fact[key]]
            for key in ("mean", "std", "min", "max")
        ]
        if ends[:2] == [[0, 0], [1, 1]]:
            return f"{words}. Each column then has mean 0 and standard deviation 1, to 3 decimals"
        if ends[2:] == [[0, 0], [1, 1]]:
            return f"{words}. Each column then ranges from 0 to 1, to 3 decimals"
        return words
    a, b = float(fact["a"]), float(fact["b"])
    if a == 0:
        return f"sets every value{of} to {_figure(b)}{checked}"
    parts = []
    if (divisor := fact.get("divisor")) is not None:
        parts.append(f"divides every value{of} by {_figure(float(divisor))}")
    elif a != 1:
        parts.append(f"multiplies every value{of} by {_figure(a)}")
    if b:
        verb = "adds" if b > 0 else "subtracts"
        first = f"{verb} {_figure(abs(b))} {'to' if b > 0 else 'from'} every value{of}"
        parts.append(f"{verb} {_figure(abs(b))}" if parts else first)
    return " and ".join(parts) + checked


def _cast(fact: Facts, _: Facts) -> str:
    exact_or_not = "no value changes" if fact["exact"] else "values are rounded or cut off"
    return f"converts {fact['from']} to {fact['to']}{_of(fact)}; {exact_or_not}"


def _same_rows(fact: Facts, config: Facts) -> str:
    before, after = (int(each) for each in config["rows"])
    if fact["repeats"]:
        return f"repeats rows: {counted(after, 'row')} out of {number(before)}"
    order = "in their order" if fact["in_order"] else "in another order"
    if after < before:
        return f"keeps {number(after)} of {counted(before, 'row')}, {order}"
    return f"gives the same {counted(after, 'row')} {order}"


def _split(fact: Facts, _: Facts) -> str:
    purposes = {"train": "training", "val": "validation", "valid": "validation", "testing": "test"}
    parts = []
    for part in fact["parts"]:
        name, count = str(part["name"]), part["rows"]
        rows = "an unknown number of rows" if count is None else counted(int(count), "row")
        parts.append(f"{rows} for {purposes.get(name.lower(), name)}")
    left = int(fact.get("left_out") or 0)
    words = ", ".join(parts)
    if left > 0:
        return f"{words}; {counted(left, 'row')} in no part"
    return f"{words}; {counted(-left, 'row')} more than there were" if left < 0 else words


def _batches(fact: Facts, _: Facts) -> str:
    rows, count = int(fact["rows"]), int(fact["batches"])
    words = f"puts {counted(rows, 'row')} into {counted(count, 'batch', 'batches')}"
    if "size" not in fact:
        return f"{words} of different sizes"
    last = int(fact["last"])
    of = f"{words} of {number(int(fact['size']))}"
    return of if last == fact["size"] else f"{of}, the last one of {number(last)}"


def _of(fact: Facts) -> str:
    of = str(fact["of"])
    return " of the targets" if of == "y" else "" if of == "x" else f" of {of}"


def _figure(value: float) -> str:
    return number(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.6g}"


WORDS: Mapping[str, Callable[[Facts, Facts], str]] = {
    "unchanged": lambda _fact, _: "changes no value",
    "reshaped": lambda fact, _: f"changes the shape{_of(fact)}, with the values in their order",
    "cast": _cast,
    "affine": _affine,
    "same rows": _same_rows,
    "split": _split,
    "batches": _batches,
}
"""What each kind of fact says of the rows, without its capital and period."""
