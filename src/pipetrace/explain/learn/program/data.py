"""The code that loads the rows: the digits as they were drawn, others from a file of the user's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pipetrace.explain.learn.program.objects import Context
from pipetrace.explain.learn.program.text import identifier, quoted, remark, shortest
from pipetrace.trace.document import SOURCE, STEP, Epoch, Stage, Trace
from pipetrace.trace.training import Fit

ARRAYS = ("array", "arrays", "rows")
"""What rows come as where ``fit`` gets arrays."""
FILE = "data.npz"

Form: TypeAlias = tuple[str, Sequence[int | None], str]
"""Of one array: its name, empty where it is alone; its shape; its type, empty where unknown."""


@dataclass
class Rows:
    """What ``fit`` is called with."""

    lines: list[str] = field(default_factory=list)  # the code that loads it
    given: tuple[str, ...] = ()  # the first arguments of ``fit``
    named: dict[str, str] = field(default_factory=dict)  # further ones, such as ``validation_data``


def rows_of(trace: Trace, context: Context, fit: Fit, place: int = 0) -> Rows:
    """The rows of a ``fit``, by its place among the calls with rows of their own, from 0."""
    context.modules.add("numpy")
    if not place and (by := _digits_divided_by(trace)) is not None:
        return _digits(trace, context, fit, by)
    return _from_file(trace, context, fit, f"_{place + 1}" if place else "")


def saving(context: Context) -> str:
    """How the user's file is made, with all arrays that the program reads; empty without any."""
    arrays = ", ".join(f"{name}=..." for name in context.arrays)
    text = "Your rows go here: the trace has their shapes and types, not the rows. Save yours with"
    return remark(f'{text} np.savez("{FILE}", {arrays}).') if arrays else ""


def validates(trace: Trace, fit: Fit) -> bool:
    """Whether a ``fit`` measured on a validation set after its epochs."""
    names = [name for each in epochs_of(trace, fit) for name in each.metrics]
    return any(name.startswith("val_") for name in names) or bool(fit.validation_rows)


def epochs_of(trace: Trace, fit: Fit) -> list[Epoch]:
    """The epochs of a ``fit``; none where it ended before the first."""
    last = fit.first_epoch - 1 if fit.last_epoch is None else fit.last_epoch
    return [each for each in trace.epochs if fit.first_epoch <= each.number <= last]


def _digits_divided_by(trace: Trace) -> Any:
    """What ``pipetrace digits`` divides its pixels by; None of any other run."""
    steps = [stage for stage in trace.stages if stage.kind == STEP]
    is_digits = len(steps) == 1 and steps[0].config.get("operation") == "divide"
    return steps[0].config.get("by") if is_digits else None


def _digits(trace: Trace, context: Context, fit: Fit, by: Any) -> Rows:
    """The rows of ``pipetrace digits``, drawn by the seed as there."""
    origin, train, validation = trace.run.data.origin, fit.rows or 0, fit.validation_rows or 0
    images = "images, labels = digits.x, digits.y\n"
    if origin == "keras":
        load = (
            "(images, labels), _ = keras.datasets.mnist.load_data()\nimages = images[..., None]\n"
        )
    elif origin == "embedded":
        context.modules.add("pipetrace.demo.data:embedded_digits")
        load = f"digits = embedded_digits()\n{images}"
    elif origin:
        context.modules |= {"pathlib:Path", "pipetrace.demo.data:load"}
        load = f"digits = load(Path({quoted(origin)}))\n{images}"
    else:
        context.lacks(f"where the digits come from: put yours into {FILE}")
        load = remark("Where the digits come from is not recorded. Their pixels are 0 to 255.")
        load += f'data = np.load("{FILE}")\nimages, labels = data["x"], data["y"]\n'
        context.arrays |= {"x": None, "y": None}
    lines = [
        load,
        f"order = np.random.default_rng({trace.run.training.seed}).permutation(len(labels))\n",
        f"train, validation = order[:{train}], order[{train}:{train + validation}]\n",
        f'x = images[train].astype("float32") / {by}\n',
        "y = labels[train]\n",
        f'x_val = images[validation].astype("float32") / {by}\n',
        "y_val = labels[validation]\n",
    ]
    return Rows(lines, ("x", "y"), {"validation_data": "(x_val, y_val)"})


def _from_file(trace: Trace, context: Context, fit: Fit, suffix: str) -> Rows:
    """Rows that the user puts into a file, with the shapes and types that were recorded."""
    split = bool(fit.training.fit_config.get("validation_split"))
    forms, steps, told = _inputs(trace, context)
    forms = forms or [("", (None,), "")]  # while a training runs its stages may come later
    total = fit.rows
    if split and total is not None and fit.validation_rows is not None:
        total += fit.validation_rows
    targets: list[Form] = [
        (each.name or "", each.shape, each.dtype) for each in trace.run.data.targets
    ]
    if not targets and fit.training.loss:
        targets = [("", (None,), "")]
    made, names = Rows(), ["x", "y"] if targets else ["x"]
    if not suffix:
        context.lacks(f"the rows: put yours into {FILE}")
        made.lines = [f'data = np.load("{FILE}")\n']
    sets = [("", total)]
    if not split and validates(trace, fit):
        sets.append(("_val", fit.validation_rows))
        values = [f"{name}_val{suffix}" for name in names]
        made.named["validation_data"] = f"({', '.join(values)}{',' * (len(values) == 1)})"
    is_named = _takes_names(trace)
    for what, count in sets:
        x = f"x{what}{suffix}"
        made.lines += _loaded(x, forms, count, context, is_named=is_named)
        made.lines += [line.replace("x", x) for line in steps]
        if targets:
            all_named = all(name for name, *_ in targets)
            made.lines += _loaded(f"y{what}{suffix}", targets, count, context, is_named=all_named)
    made.lines += told
    made.given = tuple(f"{name}{suffix}" for name in names)
    if fit.training.sample_weights:
        made.named["sample_weight"] = f"sample_weight{suffix}"
        made.lines.append(f'sample_weight{suffix} = data["sample_weight{suffix}"]\n')
        context.arrays[f"sample_weight{suffix}"] = None
    if fit.data not in ARRAYS and fit.data:
        made.named["shuffle"] = "False"
        text = f"The run was fed by {fit.data}; here its rows come as arrays, in their order."
        made.lines.append(remark(text))
        context.lacks(f"the rows' source ({fit.data}) and its functions")
    return made


def _takes_names(trace: Trace) -> bool:
    config = trace.run.model.config if trace.run.model else {}
    return isinstance(config.get("input_layers"), Mapping)


def _inputs(trace: Trace, context: Context) -> tuple[list[Form], list[str], list[str]]:
    """What is loaded, the lines of the steps that follow, and what to say of them."""
    sources = [stage for stage in trace.stages if stage.kind == SOURCE and stage.outputs]
    steps = [stage for stage in trace.stages if stage.kind == STEP]
    found = _lines(steps) if len(sources) == 1 else None
    if not steps or found is not None:
        several = len(sources) > 1
        forms = [(each.name if several else "", *_form(each)) for each in sources]
        return forms, found or [], []
    for step in steps:
        context.lacks(f"the step {step.name} before the model")
    names = ", ".join(step.name for step in steps)
    told = remark(f"The rows are those after these steps, whose code is not recorded: {names}.")
    ends = [stage for stage in steps if not any(stage.name in _sources(each) for each in steps)]
    return [(each.name if len(ends) > 1 else "", *_form(each)) for each in ends], [], [told]


def _form(stage: Stage) -> tuple[Sequence[int | None], str]:
    return stage.outputs[0].shape, stage.outputs[0].dtype


def _sources(stage: Stage) -> list[str | None]:
    return [spec.source for spec in stage.inputs]


def _lines(steps: Sequence[Stage]) -> list[str] | None:
    """The code of steps that were measured on all values; None where one is not known that well."""
    lines: list[str] = []
    for step in steps:
        facts, form = step.config.get("facts"), step.config.get("goes_on") or {}
        if not facts or any(fact.get("of") != "x" for fact in facts):
            return None
        lines.append(remark(f"{step.name}, as it was measured:"))
        cast = next((fact for fact in facts if fact["kind"] == "cast"), None)
        value = f'x.astype("{form.get("dtype")}")' if cast else "x"
        for fact in facts:
            if fact["kind"] == "affine" and "features" not in fact:
                value = _line(value, fact)
            elif fact["kind"] == "reshaped":
                lengths = ", ".join(str(int(each)) for each in form["shape"][1:])
                value = f"{value}.reshape(-1, {lengths})" if lengths else f"{value}.reshape(-1)"
            elif fact["kind"] not in ("cast", "unchanged"):
                return None
        if value != "x":
            lines.append(f"x = {value}\n")
        else:
            lines.pop()
    return lines


def _line(value: str, fact: Mapping[str, Any]) -> str:
    a, b = float(fact["a"]), float(fact["b"])
    if (divisor := fact.get("divisor")) is not None:
        value = f"{value} / {_figure(float(divisor))}"
    elif a != 1:
        value = f"{value} * {_figure(a)}"
    return value if not b else f"{value} {'+' if b > 0 else '-'} {_figure(abs(b))}"


def _figure(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else str(shortest(value))


def _loaded(
    variable: str, forms: Sequence[Form], count: int | None, context: Context, *, is_named: bool
) -> list[str]:
    """The lines that load one array, or several into a list or a dictionary."""
    lines, keys = [], []
    for place, (name, shape, dtype) in enumerate(forms):
        several = len(forms) > 1 or (is_named and name)
        key = (
            f"{variable}_{identifier(name or str(place + 1)).lstrip('_')}" if several else variable
        )
        read = f'data["{key}"]'
        context.arrays[key] = None
        if dtype == "string":
            context.modules.add("tensorflow")
            read = f"tf.constant({read})"
        rows = "rows" if count is None else str(count)
        lengths = [rows, *("?" if each is None else str(each) for each in shape[1:])]
        told = (
            f"{dtype}, ({', '.join(lengths)}{',' * (len(lengths) == 1)})"
            if dtype
            else "not recorded"
        )
        lines.append(f"{key} = {read}  # {told}\n")
        keys.append((name, key))
    if keys[0][1] == variable:
        return lines
    if is_named:
        inner = ", ".join(f"{quoted(name)}: {key}" for name, key in keys)
        if len(variable) + len(inner) + 5 > 88:
            inner = "\n" + "".join(f"    {quoted(name)}: {key},\n" for name, key in keys)
        return [*lines, f"{variable} = {{{inner}}}\n"]
    return [*lines, f"{variable} = [{', '.join(key for _, key in keys)}]\n"]
