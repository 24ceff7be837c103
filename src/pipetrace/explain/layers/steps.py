"""What comes before a model: the source of the rows, and the steps that change them, from what was measured on them."""

from collections.abc import Callable, Mapping
from typing import Any

from pipetrace.explain.layers.datasets import stage_words
from pipetrace.explain.layers.parts import NOT_TOLD, Operation, sentence
from pipetrace.explain.text import counted, exact, listed, number
from pipetrace.trace.document import Stage

Facts = Mapping[str, Any]


def source(stage: Stage) -> Operation:
    """Where rows come from."""
    try:
        if "dataset" in stage.config:
            return Operation(stage.name, *stage_words(stage))
        if "form" in stage.config:
            return _rows_as_they_come(stage)
    except NOT_TOLD:
        pass  # a stranger's trace may hold anything
    if not stage.outputs or len(stage.outputs[0].shape) != 4:
        return Operation("Input", "The rows as they come, before anything is done to them.")
    grey = stage.outputs[0].shape[-1] == 1
    return Operation(
        "Input image",
        f"{'Grey' if grey else 'Colour'} pictures as they come, each pixel a whole number from 0 to 255."
        if stage.outputs[0].dtype == "uint8"
        else "Pictures as they come.",
    )


def step(stage: Stage) -> Operation:
    """What is done to the rows before the model sees them."""
    config = stage.config
    try:
        if "dataset" in config and "facts" not in config:
            return Operation(stage.name, *stage_words(stage))
        if "facts" in config:
            return Operation(stage.name, _does(config), _shape(config))
    except NOT_TOLD:
        return Operation(stage.name, "Changes the rows before the model sees them.")
    if config.get("operation") == "divide":
        by = exact(float(config["by"]))
        return Operation(
            f"Scale to 0..{exact(255 / float(config['by']))}"
            if stage.inputs[0].dtype == "uint8"
            else stage.name,
            f"Divides every value by {by}.",
            "Every value is changed by itself, so the shape stays.",
            parameters=None,
        )
    return Operation(stage.name, "Changes the rows before the model sees them.")


def form_words(form: Facts, rows: int | None = None) -> str:
    """What a value is: "1,000 rows of 28 x 28, uint8", "a generator of batches()", "a dictionary of 2 arrays"."""
    kind = form["kind"]
    if kind in ("array", "frame", "series", "sparse"):
        count = rows if rows is not None else form.get("rows")
        lengths = " x ".join(str(int(each)) for each in form["shape"][1:])
        noun = {"frame": "data frame", "series": "series", "sparse": "sparse matrix"}.get(kind)
        each = f" of {lengths}" if lengths else ""
        if count is None:
            return f"a single value, {form['dtype']}"
        told = f"{counted(int(count), 'row')}{each}, {form['dtype']}"
        return f"a {noun}: {told}" if noun else told
    if kind in ("dict", "tuple", "list"):
        return _container_words(form)
    if kind == "generator":
        return f"a generator made by {form['name']}" if form.get("name") else "a generator"
    simple = {
        "text": "a text",
        "nothing": "nothing (None)",
        "dataset": "a tf.data.Dataset",
        "iterator": "an iterator",
    }
    if kind == "scalar":
        return f"a single {form['type']}"
    length = form.get("length")
    of = (
        f", {number(int(length))} long by its own account"
        if kind == "other" and length is not None
        else ""
    )
    return simple.get(kind, f"an object of class {form['type']}{of}")


def _container_words(form: Facts) -> str:
    noun = {"dict": "dictionary"}.get(form["kind"], str(form["kind"]))
    parts = list(form.get("parts", ()))
    length = int(form.get("length", len(parts)))
    if not length:
        return f"an empty {noun}"
    kinds = {part["kind"] for part in parts}
    if kinds <= {"text", "scalar"} and form["kind"] == "list":
        return f"a list of {counted(length, 'text' if kinds == {'text'} else 'number')}"
    told = [form_words(part) for part in parts[:3]]
    if form["kind"] == "dict":
        told = [f"{part['key']} ({words})" for part, words in zip(parts, told, strict=False)]
    more = [f"{number(length - len(told))} more"] if length > len(told) else []
    return f"a {noun} of {listed([*told, *more])}"


def _rows_as_they_come(stage: Stage) -> Operation:
    config = stage.config
    told = config.get("source") or {}
    targets = config.get("targets")
    words = sentence(form_words(config["form"]))
    if targets:
        words += f" With targets: {form_words(targets)}."
    about = told.get("description") or "The rows as they come, before anything is done to them."
    return Operation(str(told.get("name") or "Input"), f"{sentence(about)} {words}")


def _does(config: Facts) -> str:
    """What the step was seen to do, who did it, and what else was noticed."""
    facts = [fact for fact in config["facts"] if fact["kind"] in SEEN]
    changes = [fact for fact in facts if fact["kind"] != "unchanged"] or facts
    seen = [sentence(_say(SEEN, fact, config)) for fact in changes]
    noticed = [_say(NOTICED, fact, config) for fact in config["facts"] if fact["kind"] in NOTICED]
    parts = [*seen, *noticed]
    who = _who(config["step"])
    if not seen:
        return " ".join(
            [
                f"{sentence(who)} What it does to the values fits no rule that was looked for.",
                *noticed,
            ]
        )
    if config["step"]["kind"] == "transformer":
        return f"{who}: {parts[0][0].lower()}{' '.join(parts)[1:]}"
    written = config["step"].get("source")
    return " ".join([*parts, *([f"As written: {written}"] if written else [])])


def _say(words: Mapping[str, str | Callable[[Facts], str]], fact: Facts, config: Facts) -> str:
    said = words[fact["kind"]]
    return said if isinstance(said, str) else said({**fact, "config": config})


def _who(act: Facts) -> str:
    if act["kind"] == "transformer":
        library = str(act["module"]).split(".", maxsplit=1)[0]
        return f"{act['class']} of {'scikit-learn' if library == 'sklearn' else library}"
    if act["kind"] == "object":
        return f"calls an object of class {act['class']}"
    if act.get("source"):
        return f"calls {act['source']}"
    return (
        f"calls {act['name']}" if act["name"] == "a lambda" else f"calls the function {act['name']}"
    )


def _shape(config: Facts) -> str:
    """How many rows come out, and what each of them is."""
    before, after = config["rows"]
    given, form = config["given"], config["goes_on"]
    rows = ""
    if before is not None and after is not None and before != after:
        parts = any(fact["kind"] == "split" for fact in config["facts"])
        rows = (
            f"The {counted(int(after), 'row')} for training go on. "
            if parts
            else f"{_become(before, after)}. "
        )
    if "shape" not in form or "shape" not in given:
        return f"{rows}Gives {form_words(config['form'])}."
    one, other = list(given["shape"][1:]), list(form["shape"][1:])
    if one == other:
        return f"{rows}{'The shape of a row stays' if rows else 'The shape stays'}."
    lengths = [" x ".join(map(str, each)) or "a single value" for each in (one, other)]
    return f"{rows}A row of {lengths[0]} becomes {lengths[1]}."


def _affine(fact: Facts) -> str:
    of = _of(fact)
    checked = f", measured on all {number(int(fact['values']))} values"
    if "features" in fact:
        words = f"scales each of {number(int(fact['features']))} columns{of} by a factor and a constant of its own{checked}"
        ends = [
            [round(float(each), 3) + 0.0 for each in fact[key]]
            for key in ("mean", "std", "min", "max")
        ]
        if ends[:2] == [[0, 0], [1, 1]]:
            return (
                f"{words}. Each column then has mean 0 and standard deviation 1, to three decimals"
            )
        if ends[2:] == [[0, 0], [1, 1]]:
            return f"{words}. Each column then reaches from 0 to 1, to three decimals"
        return words
    a, b = float(fact["a"]), float(fact["b"])
    if a == 0:
        return f"sets every value{of} to {_figure(b)}{checked}"
    divisor = fact.get("divisor")
    parts = []
    if divisor is not None:
        parts.append(f"divides every value{of} by {_figure(float(divisor))}")
    elif a != 1:
        parts.append(f"multiplies every value{of} by {_figure(a)}")
    if b:
        verb = "adds" if b > 0 else "subtracts"
        first = f"{verb} {_figure(abs(b))} {'to' if b > 0 else 'from'} every value{of}"
        parts.append(f"{verb} {_figure(abs(b))}" if parts else first)
    return " and ".join(parts) + checked


def _cast(fact: Facts) -> str:
    kept = (
        "no value changes" if fact["exact"] else "what does not fit the new type is rounded or cut"
    )
    return f"turns {fact['from']} into {fact['to']}{_of(fact)}; {kept}"


def _one_hot(fact: Facts) -> str:
    of = " of the targets" if str(fact["of"]).startswith("y") else ""
    column = "; the column is the number itself" if fact["index"] else ""
    columns, distinct = int(fact["columns"]), int(fact["distinct"])
    unused = f"; {counted(columns - distinct, 'column')} never 1" if columns > distinct else ""
    return f"one-hot{of}: {number(columns)} columns, a single 1 in each row{column}{unused}"


def _windows(fact: Facts) -> str:
    before, after = fact["config"]["rows"]
    apart = f", each {fact['step']} rows further on" if int(fact["step"]) != 1 else ""
    left = f"; the last {counted(int(fact['unused']), 'row')} in none" if fact["unused"] else ""
    begin = f", from row {number(int(fact['start']))} on" if fact["start"] else ""
    return f"windows of {counted(int(fact['length']), 'row')}{apart}{begin}: {_become(before, after)}{left}"


def _become(before: Any, after: Any) -> str:
    return f"{counted(int(before), 'row')} {'becomes' if before == 1 else 'become'} {number(int(after))}"


def _targets(fact: Facts) -> str:
    ahead = int(fact["ahead"])
    place = (
        "its last row"
        if not ahead
        else f"the {counted(abs(ahead), 'row')} {'after' if ahead > 0 else 'before'} it"
    )
    if ahead:
        row = "the row" if abs(ahead) == 1 else f"the row {abs(ahead)} places"
        place = f"{row} {'after' if ahead > 0 else 'before'} its last one"
    column = f" in column {fact['column']}" if fact.get("column") is not None else ""
    return f"the target of a window is that of {place}{column}"


def _reordered(fact: Facts) -> str:
    own = fact["config"]["step"].get("config") or {}
    rows = f"the same {counted(int(fact['after']), 'row')} in another order"
    return f"{'shuffles: ' if own.get('operation') == 'shuffle' else 'gives '}{rows}{_left_behind(fact)}"


def _selected(fact: Facts) -> str:
    order = "in their order" if fact["in_order"] else "in another order"
    return f"keeps {number(int(fact['after']))} of {counted(int(fact['before']), 'row')}, {order}{_left_behind(fact)}"


def _repeated(fact: Facts) -> str:
    return (
        f"takes rows more than once: {counted(int(fact['after']), 'row')} out of {number(int(fact['before']))}, "
        f"{number(int(fact['distinct']))} different ones, one of them {number(int(fact['most']))} times"
        f"{_left_behind(fact)}"
    )


def _left_behind(fact: Facts) -> str:
    if fact.get("targets") != "left behind":
        return ""
    return (
        ". The targets stayed where they were, so that rows and targets no longer belong together"
    )


def _split(fact: Facts) -> str:
    purposes = {"train": "training", "val": "validation", "valid": "validation", "testing": "test"}
    parts = []
    for at, part in enumerate(fact["parts"]):
        count = part["rows"]
        rows = (
            "an unknown number of rows"
            if count is None
            else counted(int(count), "row")
            if not at
            else number(int(count))
        )
        name = str(part["name"])
        parts.append(f"{rows} for {purposes.get(name.lower(), name)}")
    words = ", ".join(parts)
    if fact.get("left_out"):
        words += f"; {counted(int(fact['left_out']), 'row')} in no part"
    if fact.get("shared"):
        words += f". {counted(int(fact['shared']), 'row')} more than there are: parts share rows"
    if fact.get("alike"):
        count = int(fact["alike"])
        verb = "is" if count == 1 else "are"
        words += f". {counted(count, 'held-out row')} {verb} also among the training rows, value for value"
    return words


def _batches(fact: Facts) -> str:
    rows, count = int(fact["rows"]), int(fact["batches"])
    if "size" not in fact:
        words = f"{counted(rows, 'row')} in {counted(count, 'batch', 'batches')} of different sizes"
    else:
        full, rest = int(fact["full"]), int(fact["rest"])
        words = f"{counted(rows, 'row')} in batches of {number(int(fact['size']))}: "
        words += f"{number(full)} full {'one' if full == 1 else 'ones'}" + (
            f" and one of {number(rest)}" if rest else ""
        )
    if fact.get("left_out"):
        words += f"; {counted(int(fact['left_out']), 'row')} left out"
    return words + (
        f". {counted(int(fact['repeated']), 'row')} stand in more than one"
        if fact.get("repeated")
        else ""
    )


def _alone(fact: Facts) -> str:
    rows = len(fact["rows"])
    to = "" if fact["exact"] else ", to rounding"
    return f"Each row by itself: {counted(rows, 'row')} given alone came out the same{to}."


def _not_alone(fact: Facts) -> str:
    words = f"Row {number(int(fact['rows'][0]))} given alone becomes something else: the other rows, or its place, count."
    held = " The held-out rows passed this step by themselves, not together with the training rows."
    return words + (held if fact["config"].get("held_out") else "")


def _of(fact: Facts) -> str:
    of = str(fact["of"])
    if of == "y":
        return " of the targets"
    return "" if of == "x" else f" of {of}"


def _figure(value: float) -> str:
    return number(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.6g}"


SEEN: Mapping[str, str | Callable[[Facts], str]] = {
    "unchanged": "changes nothing: every value is as before",
    "reshaped": lambda fact: (
        f"changes the shape{_of(fact)}, with the values in their order"
        if any(each["kind"] in ("affine", "cast") for each in fact["config"]["facts"])
        else f"lays the same values{_of(fact)} out in another shape"
    ),
    "cast": _cast,
    "affine": _affine,
    "one-hot": _one_hot,
    "indicators": lambda fact: (
        f"gives {number(int(fact['columns']))} columns of 0 and 1, {number(int(fact['ones']))} ones in each row"
    ),
    "windows": _windows,
    "targets": _targets,
    "reordered": _reordered,
    "selected": _selected,
    "repeated": _repeated,
    "split": _split,
    "batches": _batches,
}
"""What each kind of fact says of the rows, without its capital and period."""

NOTICED: Mapping[str, str | Callable[[Facts], str]] = {
    "alone": _alone,
    "not alone": _not_alone,
    "varies": "It gives something else each time: twice the same row, and two results.",
    "in place": "It changes what it receives in place; it was given a copy, so the rows before it stay as they were.",
}
"""What else was noticed, in sentences."""
