"""Figures of activations, weights, gradients and the losses of an epoch's steps."""

import math
from dataclasses import replace

import numpy as np

from pipetrace.trace.document import Array
from pipetrace.trace.measurements import (
    Gradient,
    InitialWeight,
    NormalizedInput,
    Signal,
    StepLosses,
    Update,
)


def signal(values: Array) -> Signal:
    """Figures of a stage's output ``(n, ...)``; a unit is an index of the last axis."""
    flat = values.astype(np.float64)
    if not np.isfinite(flat).all():
        return Signal(not_finite=float((~np.isfinite(flat)).mean()))
    rows = flat.reshape(len(flat), -1)
    units = flat.reshape(-1, flat.shape[-1]) if flat.ndim > 1 else flat.reshape(-1, 1)
    sizes = np.sqrt((units**2).mean(axis=0))
    narrow, wide = np.quantile(units.std(axis=0), (0.05, 0.95))
    return Signal(
        rms=float(np.sqrt((rows**2).mean())),
        std=float(np.sqrt(rows.var(axis=0).mean())),
        dead_units=float((sizes == 0).mean()),
        std_low=float(narrow),
        std_high=float(wide),
        mean_rms=float(np.sqrt((units.mean(axis=0) ** 2).mean())),
        units=units.shape[1],
    )


def normalized_input(values: Array, mean: Array, variance: Array, axis: int) -> NormalizedInput:
    """An input ``(n, ...)`` against the moving averages of its batch normalization.

    No figures where the averages are those from before any training.
    """
    if not mean.any() and (variance == 1).all():
        return NormalizedInput()
    channels = np.moveaxis(values, axis, -1).reshape(-1, len(mean)).astype(np.float64)
    moving = np.sqrt(variance.astype(np.float64))
    if not (np.isfinite(channels).all() and np.isfinite(moving).all()) or not (moving > 0).all():
        return NormalizedInput()
    return NormalizedInput(
        std_ratio=float(np.median(channels.std(axis=0) / moving)),
        mean_offset=float(np.median(np.abs(channels.mean(axis=0) - mean) / moving)),
    )


def dimensions(values: Array) -> float:
    """In how many directions the rows differ: (sum of variances)^2 / sum of squared variances.

    The participation ratio of the eigenvalues of the covariance, from the rows' products alone.
    """
    rows = values.astype(np.float64).reshape(len(values), -1)
    rows = rows - rows.mean(axis=0)
    products = rows @ rows.T
    whole = float((products**2).sum())
    return float(np.trace(products)) ** 2 / whole if whole > 0 else 0.0


def initial(values: Array) -> InitialWeight:
    """Figures of a weight before training."""
    wide = values.astype(np.float64)
    found = InitialWeight(
        float(wide.mean()), float(wide.std()), float(wide.min()), float(wide.max())
    )
    if wide.ndim < 2:
        return found
    positions = math.prod(wide.shape[:-2])
    units = wide.reshape(-1, wide.shape[-1]).T
    duplicates = None
    if len(units) > 1:
        _, counts = np.unique(units, axis=0, return_counts=True)
        duplicates = float(counts[counts > 1].sum() / len(units))
    return replace(
        found,
        fan_in=positions * wide.shape[-2],
        fan_out=positions * wide.shape[-1],
        duplicate_units=duplicates,
    )


def movement(
    now: Array, before: Array, start: Array | None, last: Array | None, earlier: Array | None
) -> Update:
    """How far a weight moved in an epoch, from ``before`` it to ``now``.

    ``start`` is before training, ``last`` before the epoch's last step, ``earlier`` before the
    epoch before; None where not known.
    """
    change = (now - before).astype(np.float64)
    size = _norm(change)
    cosine = None
    if earlier is not None:
        way = before - earlier
        other = _norm(way)
        if size > 0 and other > 0:
            cosine = float((change * way).sum() / size / other)
    return Update(
        update_norm=size,
        weight_norm=_norm(now),
        from_start=None if start is None else _norm(now - start),
        last_step=None if last is None else _norm(now - last),
        cosine=cosine,
    )


def gradient(values: Array, penalty: Array | None = None) -> Gradient:
    """Figures of the gradient of the whole loss, and of its penalty alone, if known."""
    wide = values.astype(np.float64)
    bad = ~np.isfinite(wide)
    norm = None if penalty is None else _norm(penalty)
    if bad.any():
        return Gradient(not_finite=float(bad.mean()), penalty_norm=norm)
    return Gradient(
        norm=_norm(wide),
        rms=float(np.sqrt((wide**2).mean())),
        max=float(np.abs(wide).max()),
        zeros=float((wide == 0).mean()),
        penalty_norm=norm,
    )


def step_losses(losses: list[float]) -> StepLosses:
    """The course of the loss within an epoch, step by step."""
    values = np.array(losses, np.float64)
    sound = values[np.isfinite(values)]
    found = StepLosses(count=len(values), not_finite=len(values) - len(sound))
    if not len(sound):
        return found
    tenth = max(1, len(sound) // 10)
    middle = float(np.median(sound))
    found = replace(
        found,
        first=float(sound[:tenth].mean()),
        last=float(sound[-tenth:].mean()),
        min=float(sound.min()),
        max=float(sound.max()),
        median=middle,
    )
    if len(sound) < 3:
        return found
    jumps = (sound[1:] > 2 * np.abs(sound[:-1])) & (sound[1:] > 2 * abs(middle))
    return replace(found, noise=float(np.diff(sound).std() / np.sqrt(2)), jumps=float(jumps.mean()))


def _norm(values: Array) -> float:
    return float(np.linalg.norm(values.astype(np.float64)))
