"""What comes before a model: the source of the rows, and the steps that change them."""

from pipetrace.explain.operations.words import Operation
from pipetrace.explain.wording import exact
from pipetrace.trace.document import Stage


def source(stage: Stage) -> Operation:
    """Where rows come from."""
    image = len(stage.outputs[0].shape) == 4
    if not image:
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
    if config.get("operation") == "divide":
        by = exact(float(config["by"]))
        return Operation(
            f"Scale to 0..{exact(255 / float(config['by']))}" if stage.inputs[0].dtype == "uint8" else stage.name,
            f"Divides every value by {by}.",
            "Every value is changed by itself, so the shape stays.",
            parameters=None,
        )
    return Operation(stage.name, "Changes the rows before the model sees them.")
