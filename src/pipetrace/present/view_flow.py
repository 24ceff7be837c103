"""The view of the data flow: every stage with its shapes, words, example and measurements."""

from dataclasses import replace

from pipetrace.explain.facts import predicted
from pipetrace.explain.operations import operation
from pipetrace.explain.remarks import example, measured, place
from pipetrace.explain.wording import dimensions, full_shape, number, shape
from pipetrace.present import pictures
from pipetrace.present.views import Bar, Picture, StageView
from pipetrace.trace.document import SOURCE, STEP, Array, Stage, Trace

INPUT_SCALE = {"uint8": (0.0, 255.0)}


def data_flow(trace: Trace) -> tuple[StageView, ...]:
    """One view for each stage; axes are named where a form of shape is first used."""
    rows = trace.rows or sum(trace.run.data.class_counts)
    return tuple(_stage(trace, stage, index, rows) for index, stage in enumerate(trace.stages))


def stage_picture(trace: Trace, stage: Stage, values: Array, of: str) -> Picture | None:
    """A row as it leaves a stage; scores of classes are bars instead and have none."""
    if is_scores(trace, stage):
        return None
    title = operation(stage).title
    label = f"{of} after {title}, {dimensions(stage.outputs[0].shape)}"
    if stage.kind in (SOURCE, STEP):
        scale = INPUT_SCALE.get(stage.outputs[0].dtype)
        return pictures.tensor(values, label, "grey", whole_scale=scale)
    return pictures.tensor(values, label, "activation")


def score_bars(trace: Trace, stage: Stage, values: Array) -> tuple[Bar, ...]:
    """The scores of the classes as bars, the largest marked; none for another stage."""
    if not is_scores(trace, stage):
        return ()
    return pictures.scores(values, trace.run.data.class_names, predicted(values))


def is_scores(trace: Trace, stage: Stage) -> bool:
    """Whether the stage gives one number for each class, at the end of the model."""
    return stage is trace.stages[-1] and stage.outputs[0].shape[1:] == (len(trace.run.data.class_names),)


def _stage(trace: Trace, stage: Stage, index: int, rows: int) -> StageView:
    words = operation(stage)
    values = stage.example
    received = stage.inputs[0] if stage.inputs else stage.outputs[0]
    channels = (stage.summary.channels if stage.summary else None) or ()
    write = full_shape if index == 0 else shape
    kernel = trace.weights.get(f"{stage.name}/kernel")
    return StageView(
        id=f"stage/{stage.name}",
        number=index + 1,
        title=words.title,
        name=stage.name,
        kind=stage.kind,
        input=write(received, rows),
        output=write(stage.outputs[0], rows),
        does=words.does,
        shape=words.shape,
        parameters=words.parameters or ("0" if stage.kind not in (SOURCE, STEP) else None),
        parts=words.parts,
        arithmetic=_arithmetic(stage),
        example=example(trace, stage),
        measured=measured(trace, stage),
        picture=None if values is None else _marked(trace, stage, stage_picture(trace, stage, values, "The example")),
        bars=() if values is None else score_bars(trace, stage, values),
        weights=None
        if kernel is None
        else _of_the_same_filter(
            trace, stage, pictures.kernels(kernel, f"The {kernel.shape[-1]} kernels of {words.title} after training")
        ),
        distribution=pictures.distribution(stage.summary, words.title) if stage.summary else None,
        channels=pictures.channel_activity(channels) if stage.config.get("activation") == "relu" else (),
    )


def _marked(trace: Trace, stage: Stage, picture: Picture | None) -> Picture | None:
    """The picture with the place that the example's sentence speaks of."""
    at = place(trace, stage)
    return replace(picture, mark=(at[2], at[0], at[1])) if picture and at else picture


def _of_the_same_filter(trace: Trace, stage: Stage, kernels: Picture | None) -> Picture | None:
    """The kernels, opened at the filter whose map is shown beside the words."""
    at = place(trace, stage)
    return replace(kernels, mark=(at[2], 0, 0)) if kernels and at else kernels


def _arithmetic(stage: Stage) -> str | None:
    if not stage.flops:
        return None
    return f"{number(stage.flops)} multiplications and additions for each row"
