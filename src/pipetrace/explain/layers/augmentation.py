"""Image augmentation: images changed at random during training, and a few changes made always."""

from typing import Any

from pipetrace.explain.formatting import listed
from pipetrace.explain.layers.parts import (
    BOTH_TIMES,
    TRAINING_ONLY,
    Fields,
    Known,
    Shape,
    agree,
    bounds,
    by,
    demand,
    table,
    tuple_of,
    whole,
)
from pipetrace.explain.layers.windows import arranged, channels_of
from pipetrace.trace.document import Stage

IMAGE_INPUTS = (1, 6)
"""How many tensors come in: the images, and their labels, boxes, labels of boxes and masks."""
SAME_SIZE = "An image keeps its size, so the shape stays the same."

RANDOM = """
RandomFlip: flips each image {flipped} with a probability of one half.
RandomRotation: rotates each image by a random angle ({factor:degrees} degrees).
RandomTranslation: shifts each image by a random {height_factor:percents} of its height and
    {width_factor:percents} of its width.
RandomZoom: zooms each image to a random {height_factor:percents of size} of its height and
    {width_factor:percents of size} of its width{alike}, resized to the original size.
RandomShear: slants each image by a random {x_factor:percents} across and {y_factor:percents} down.
RandomContrast: multiplies each image's contrast by a random {contrast:percents of size}.
RandomBrightness: changes each image's brightness by a random {factor:percents} of the value range.
RandomHue: shifts each image's hue by a random {factor:half degrees} degrees on the colour wheel, in
    either direction.
RandomSaturation: changes each image's colour saturation by a random factor of {factor:numbers},
    where 0.5 changes nothing.
RandomSharpness: blurs or sharpens each image by a random factor of {factor:numbers}, where 0.5
    changes nothing.
RandomColorDegeneration: blends each image with its greyscale version, by a random
    {factor:percents}.
RandomColorJitter: changes {jitter} of each image at random.
RandomGrayscale: turns each image into greyscale with a probability of {factor:percent}.
RandomInvert: inverts each image{factor:chance}, by subtracting every value from {high:number}.
RandomPosterization: keeps {factor:numbers} of the 8 bits of every value, so that few tones are
    left.
Solarization: inverts {solarized} of each image ({low:number} becomes {high:number}).
RandomPerspective: distorts the perspective of each image at random{factor:chance}.
RandomElasticTransform: distorts each image elastically, like rubber{factor:chance}.
RandomErasing: erases a random rectangle of each image{factor:chance}.
RandomGaussianBlur: blurs each image with a {kernel} Gaussian filter{factor:chance}.
CutMix: pastes a random rectangle of another image of the batch into each image, and mixes the
    labels by area.
MixUp: blends each image with another one of the batch in a random proportion (alpha
    {alpha:number}), and mixes their labels alike.
AugMix: sends each image through {num_chains:# chain} of up to {chain_depth:# random change}, and
    blends the results with the image.
RandAugment: applies {num_ops:# random change} to the images, chosen from eleven kinds.
Equalization: spreads each channel's values so that all {bins:# tone} are about equally frequent.
"""
"""What changes images in training alone: each class, and what it does after "During training,"."""
ALWAYS = """
AutoContrast: Stretches each channel of each image so that its values cover {low:number} to
    {high:number}.
ContrastLimitedAdaptiveHistogramEqualization: Evens out the tones of each image separately in
    {tiles} tiles, so that faint detail shows everywhere (CLAHE).
"""
"""What changes images in training and at prediction time."""
FLIPS = {
    "horizontal": "left to right",
    "vertical": "upside down",
    "horizontal_and_vertical": "left to right, and also upside down,",
}


def _images(stage: Stage) -> tuple[Shape, Shape]:
    """The shapes of the images that go in and come out, among their labels and boxes."""
    demand(len(stage.inputs) == len(stage.outputs))
    pairs = [
        (one.shape, other.shape)
        for one, other in zip(stage.inputs, stage.outputs, strict=True)
        if len(one.shape) == len(other.shape) == 4
    ]
    return pairs[0]


def _image(stage: Stage) -> Fields:
    """The fields of ``RANDOM`` that are not in the configuration as they are written."""
    demand(agree(*_images(stage)))
    config, fields = stage.config, dict[str, Any]()
    if stage.layer == "RandomFlip":
        fields["flipped"] = FLIPS[config["mode"]]
    if stage.layer == "RandomContrast":
        low, high = bounds(config["factor"])
        fields["contrast"] = (-low, high)
    if stage.layer == "RandomColorJitter":
        kinds = ("brightness", "contrast", "saturation", "hue")
        named = [kind for kind in kinds if config.get(f"{kind}_factor") is not None]
        fields["jitter"] = f"the {listed(named)}" if named else "nothing"
    if stage.layer == "RandomZoom":
        down, across = config["height_factor"], config["width_factor"]
        fields["width_factor"] = down if across is None else across
        fields["alike"] = " (the same for both)" if across is None else ""
    if "value_range" in config:
        fields["low"], fields["high"] = config["value_range"]
    if stage.layer == "Solarization":
        above = bounds(config["threshold_factor"]) != (0, 0)
        fields["solarized"] = "the values above a random threshold" if above else "every value"
    if "kernel_size" in config:
        fields["kernel"] = by(tuple_of(config["kernel_size"], 2))
    if "tile_grid_size" in config:
        fields["tiles"] = by(tuple_of(config["tile_grid_size"], 2))
    return fields


def _crop(stage: Stage) -> Fields:
    size = (whole(stage.config["height"]), whole(stage.config["width"]))
    taken, given = _images(stage)
    cut = agree(arranged(stage, size, channels_of(stage, taken)), given)
    demand(cut or agree(taken, given))
    return {"size": by(size), "cut": cut}


LAYERS = {
    **{
        name: Known(
            (f"During training, {text}", TRAINING_ONLY),
            SAME_SIZE,
            fields=_image,
            inputs=IMAGE_INPUTS,
        )
        for name, text in table(RANDOM)
    },
    **{
        name: Known((text, BOTH_TIMES), SAME_SIZE, fields=_image, inputs=IMAGE_INPUTS)
        for name, text in table(ALWAYS)
    },
    "RandomCrop": Known(
        """
        During training, cuts {size} out of the images, at a random position for each batch.
        [not cut] At prediction time it changes nothing.
        """,
        """
        [cut] {size}, whatever the input size.
        [not cut] This is the shape at prediction time, so it stays the same.
        """,
        fields=_crop,
        inputs=IMAGE_INPUTS,
    ),
    "MaxNumBoundingBoxes": Known(
        """
        Brings the boxes of each image to {max_number:# bounding box/bounding boxes}: surplus ones
            are dropped, and missing ones are filled in. The images stay as they are.
        """,
        inputs=IMAGE_INPUTS,
    ),
}
"""The augmentation layers."""
