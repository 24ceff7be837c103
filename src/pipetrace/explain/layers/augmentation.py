"""Pictures changed at random while a model trains, and the few changes of pictures that are always the same."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pipetrace.explain.layers.parts import (
    Known,
    Operation,
    Shape,
    agree,
    arranged,
    by,
    channels_of,
    demand,
    demand_no_parameters,
    numbers,
    real,
    tuple_of,
    whole,
)
from pipetrace.explain.text import counted, listed, share
from pipetrace.trace.document import Stage

PREDICTION = "In prediction it changes nothing."
MOST = 6
"""How many tensors pictures may come as: themselves, labels, boxes with labels of their own, masks."""
STAYS = "A picture keeps its size, so the shape stays."


def _bounds(given: Any) -> tuple[float, float]:
    """The lowest and the highest of what is drawn at random: a pair, or a number that stands for both ways."""
    if isinstance(given, list | tuple):
        low, high = given
        return real(low), real(high)
    return -abs(real(given)), abs(real(given))


def _between(given: Any, unit: Callable[[float], str] = numbers) -> str:
    low, high = _bounds(given)
    return unit(low) if low == high else f"{unit(low)} to {unit(high)}"


def _percent(value: float) -> str:
    return f"-{share(-value)}" if value < 0 else share(value)


def _chance(given: Any) -> str:
    """How likely it is that a picture is changed; drawn at random where it is a pair."""
    low, high = _bounds(given)
    if (low, high) == (1, 1):
        return "every picture"
    if low == high:
        return f"each picture with a chance of {share(low)}"
    return f"each picture with a chance drawn between {share(low)} and {share(high)}"


def _flip(config: Mapping[str, Any]) -> str:
    way = {
        "horizontal": "left to right",
        "vertical": "upside down",
        "horizontal_and_vertical": "both left to right and upside down",
    }[config["mode"]]
    return f"mirrors each picture {way} with a chance of one half"


def _rotation(config: Mapping[str, Any]) -> str:
    low, high = (360 * each for each in _bounds(config["factor"]))
    return f"turns each picture by a random angle of {numbers(round(low, 6))} to {numbers(round(high, 6))} degrees"


def _translation(config: Mapping[str, Any]) -> str:
    down, across = (_between(config[key], _percent) for key in ("height_factor", "width_factor"))
    return f"shifts each picture by a random {down} of its height and {across} of its width"


def _zoom(config: Mapping[str, Any]) -> str:
    def grown(given: Any) -> str:
        low, high = _bounds(given)
        return f"{share(1 + low)} to {share(1 + high)}"

    down, across = config["height_factor"], config["width_factor"]
    wide = "its width alike" if across is None else f"{grown(across)} of its width"
    return f"shows of each picture a random {grown(down)} of its height and {wide}, brought back to its size"


def _shear(config: Mapping[str, Any]) -> str:
    across, down = (_between(config[key], _percent) for key in ("x_factor", "y_factor"))
    return f"slants each picture by a random {across} across and {down} down"


def _contrast(config: Mapping[str, Any]) -> str:
    low, high = _bounds(config["factor"])
    return f"multiplies each picture's contrast by a random {share(1 - low)} to {share(1 + high)}"


def _brightness(config: Mapping[str, Any]) -> str:
    return f"makes each picture brighter or darker, by a random {_between(config['factor'], _percent)} of the range of values"


def _hue(config: Mapping[str, Any]) -> str:
    low, high = _bounds(config["factor"])
    degrees = f"{numbers(round(180 * low, 6))} to {numbers(round(180 * high, 6))} degrees"
    return f"turns each picture's colours by a random {degrees} of the colour circle, one way or the other"


def _saturation(config: Mapping[str, Any]) -> str:
    factor = _between(config["factor"])
    return f"makes each picture's colours paler or stronger, by a random factor of {factor} (0.5 keeps them)"


def _sharpness(config: Mapping[str, Any]) -> str:
    return f"blurs or sharpens each picture by a random factor of {_between(config['factor'])} (0.5 keeps it)"


def _degeneration(config: Mapping[str, Any]) -> str:
    return f"mixes each picture with its own grey one, a random {_between(config['factor'], _percent)} of that"


def _jitter(config: Mapping[str, Any]) -> str:
    named = [
        each
        for each in ("brightness", "contrast", "saturation", "hue")
        if config.get(f"{each}_factor") is not None
    ]
    if not named:
        return "changes no colours, as no factor is given"
    return f"changes each picture's {listed(named)} at random"


def _grayscale(config: Mapping[str, Any]) -> str:
    return f"makes each picture grey with a chance of {share(real(config['factor']))}"


def _invert(config: Mapping[str, Any]) -> str:
    return f"inverts {_chance(config['factor'])}: each value is subtracted from {numbers(real(config['value_range'][1]))}"


def _posterization(config: Mapping[str, Any]) -> str:
    low, high = _bounds(config["factor"])
    kept = numbers(low) if low == high else f"a random {numbers(low)} to {numbers(high)}"
    return f"keeps {kept} of the 8 bits of each value, so that few tones are left"


def _solarization(config: Mapping[str, Any]) -> str:
    low, high = (numbers(real(each)) for each in config["value_range"])
    above = _bounds(config["threshold_factor"])
    which = "every value" if above == (0, 0) else "the values above a random threshold"
    return f"inverts {which} of each picture, {low} for {high}"


def _perspective(config: Mapping[str, Any]) -> str:
    return f"shows {_chance(config['factor'])} as if seen from aside, its corners moved at random"


def _elastic(config: Mapping[str, Any]) -> str:
    return f"bends {_chance(config['factor'])} as if it were rubber, at random"


def _erasing(config: Mapping[str, Any]) -> str:
    return f"covers a random rectangle of {_chance(config['factor'])}, of {_between(config['scale'], _percent)} of its area"


def _blur(config: Mapping[str, Any]) -> str:
    size = by(tuple_of(config["kernel_size"], 2))
    return f"blurs {_chance(config['factor'])} over {size} pixels with a bell curve of random width"


def _cut_mix(config: Mapping[str, Any]) -> str:  # noqa: ARG001
    return "pastes a random rectangle of another picture of the batch into each, and mixes the labels by area"


def _mix_up(config: Mapping[str, Any]) -> str:
    alpha = numbers(real(config["alpha"]))
    return f"lays another picture of the batch over each, mixed by a random share (alpha {alpha}), and mixes the labels alike"


def _aug_mix(config: Mapping[str, Any]) -> str:
    chains, depth = counted(whole(config["num_chains"]), "chain"), whole(config["chain_depth"])
    return f"sends each picture through {chains} of up to {depth} random changes, and mixes the results with the picture"


def _rand_augment(config: Mapping[str, Any]) -> str:
    return f"does {counted(whole(config['num_ops']), 'random change')} to the pictures, one after another, out of eleven kinds"


def _equalization(config: Mapping[str, Any]) -> str:
    return f"spreads each channel's values so that all {counted(whole(config['bins']), 'tone')} are about equally frequent"


RANDOM: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "RandomFlip": ("mode", _flip),
    "RandomRotation": ("factor", _rotation),
    "RandomTranslation": ("height_factor", _translation),
    "RandomZoom": ("height_factor", _zoom),
    "RandomShear": ("x_factor", _shear),
    "RandomContrast": ("factor", _contrast),
    "RandomBrightness": ("factor", _brightness),
    "RandomHue": ("factor", _hue),
    "RandomSaturation": ("factor", _saturation),
    "RandomSharpness": ("factor", _sharpness),
    "RandomColorDegeneration": ("factor", _degeneration),
    "RandomColorJitter": ("value_range", _jitter),
    "RandomGrayscale": ("factor", _grayscale),
    "RandomInvert": ("factor", _invert),
    "RandomPosterization": ("factor", _posterization),
    "Solarization": ("threshold_factor", _solarization),
    "RandomPerspective": ("factor", _perspective),
    "RandomElasticTransform": ("factor", _elastic),
    "RandomErasing": ("factor", _erasing),
    "RandomGaussianBlur": ("factor", _blur),
    "CutMix": ("factor", _cut_mix),
    "MixUp": ("alpha", _mix_up),
    "AugMix": ("num_chains", _aug_mix),
    "RandAugment": ("num_ops", _rand_augment),
    "Equalization": ("bins", _equalization),
}
"""What changes pictures in training alone: what its configuration must have, and what it does after "In training"."""


def _pictures(stage: Stage) -> tuple[Shape, Shape]:
    """The shapes of the pictures that go in and come out, among labels and boxes that go with them."""
    demand_no_parameters(stage)
    demand(len(stage.inputs) == len(stage.outputs))
    pairs = [
        (one.shape, other.shape)
        for one, other in zip(stage.inputs, stage.outputs, strict=True)
        if len(one.shape) == len(other.shape) == 4
    ]
    demand(bool(pairs))
    return pairs[0]


def _random(words: Callable[[Mapping[str, Any]], str], stage: Stage) -> Operation:
    demand(agree(*_pictures(stage)))
    return Operation(stage.layer or "", f"In training {words(stage.config)}. {PREDICTION}", STAYS)


def _random_crop(stage: Stage) -> Operation:
    size = (whole(stage.config["height"]), whole(stage.config["width"]))
    taken, given = _pictures(stage)
    cut = agree(arranged(stage, size, channels_of(stage, taken)), given)
    demand(cut or agree(taken, given))
    does = f"In training cuts {by(size)} out of the pictures, at a random place for each batch."
    if cut:
        return Operation("RandomCrop", does, f"{by(size)} whatever goes in.")
    return Operation(
        "RandomCrop", f"{does} {PREDICTION}", "Measured as in prediction, so the shape stays here."
    )


def _always(words: Callable[[Mapping[str, Any]], str], stage: Stage) -> Operation:
    demand(agree(*_pictures(stage)))
    return Operation(
        stage.layer or "", f"{words(stage.config)} In training and in prediction alike.", STAYS
    )


def _auto_contrast(config: Mapping[str, Any]) -> str:
    low, high = (numbers(real(each)) for each in config["value_range"])
    return f"Stretches each channel of each picture so that its values reach from {low} to {high}."


def _clahe(config: Mapping[str, Any]) -> str:
    tiles = by(tuple_of(config["tile_grid_size"], 2))
    return f"Spreads the tones of each picture by itself in {tiles} tiles, so that faint detail shows everywhere."


def _boxes(stage: Stage) -> Operation:
    demand_no_parameters(stage)
    most = counted(whole(stage.config["max_number"]), "bounding box", "bounding boxes")
    return Operation(
        "MaxNumBoundingBoxes",
        f"Brings the boxes of each picture to {most}: those beyond are dropped, missing ones are filled in with a number "
        "that stands for none. The pictures stay as they are.",
    )


LAYERS = {
    **{
        name: Known(partial(_random, words), needs, inputs=(1, MOST))
        for name, (needs, words) in RANDOM.items()
    },
    "RandomCrop": Known(_random_crop, "height", inputs=(1, MOST)),
    "AutoContrast": Known(partial(_always, _auto_contrast), "value_range", inputs=(1, MOST)),
    "ContrastLimitedAdaptiveHistogramEqualization": Known(
        partial(_always, _clahe), "tile_grid_size", inputs=(1, MOST)
    ),
    "MaxNumBoundingBoxes": Known(_boxes, "max_number", inputs=(1, MOST)),
}
"""The changes of pictures that have words."""
