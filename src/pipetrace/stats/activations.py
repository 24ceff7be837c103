"""How much of the rows' differences each stage carries on, and which of its units say nothing."""

import numpy as np

from pipetrace.trace.document import Array


def signal(values: Array) -> dict[str, float]:
    """Figures of a stage's output.

    Args:
        values: ``(n, ...)``; a unit is an index of the last axis, over all rows and places.

    Returns:
        ``rms``: root of the mean square. ``spread``: the standard deviation over the rows, root mean square over all
        places. ``dead``: share of units that are zero everywhere. ``still``: share of units that give one value for all
        rows. ``small`` and ``large``: the 5 % and 95 % quantile of the units' root mean squares; ``std_small`` and
        ``std_large`` the same of their standard deviations. ``center``: root mean square of the units' means.
    """
    flat = values.astype(np.float64)
    if not np.isfinite(flat).all():
        return {"not_finite": float((~np.isfinite(flat)).mean())}
    rows = flat.reshape(len(flat), -1)
    units = flat.reshape(-1, flat.shape[-1]) if flat.ndim > 1 else flat.reshape(-1, 1)
    sizes = np.sqrt((units**2).mean(axis=0))
    low, high = np.quantile(sizes, (0.05, 0.95))
    narrow, wide = np.quantile(units.std(axis=0), (0.05, 0.95))
    reach = units.max(axis=0) - units.min(axis=0)
    return {
        "rms": float(np.sqrt((rows**2).mean())),
        "spread": float(np.sqrt(rows.var(axis=0).mean())),
        "dead": float((sizes == 0).mean()),
        "still": float((reach <= 1e-6 * np.maximum(sizes, 1e-30)).mean()),
        "small": float(low),
        "large": float(high),
        "std_small": float(narrow),
        "std_large": float(wide),
        "center": float(np.sqrt((units.mean(axis=0) ** 2).mean())),
        "units": float(units.shape[1]),
    }


def dimensions(values: Array) -> float:
    """How many directions the rows differ in: (sum of the variances)^2 over the sum of their squares.

    The participation ratio of the eigenvalues of the covariance, from the rows' products alone.
    """
    rows = values.astype(np.float64).reshape(len(values), -1)
    rows = rows - rows.mean(axis=0)
    products = rows @ rows.T
    whole = float((products**2).sum())
    return float(np.trace(products)) ** 2 / whole if whole > 0 else 0.0


def initial(values: Array) -> dict[str, float]:
    """Figures of a weight before training.

    Returns:
        ``mean``, ``std``, ``min``, ``max``; for those with two or more axes also ``fan_in`` and ``fan_out`` as Keras counts
        them, and ``alike``: the share of units (indices of the last axis) that have a twin.
    """
    wide = values.astype(np.float64)
    found = {name: float(getattr(wide, name)()) for name in ("mean", "std", "min", "max")}
    if wide.ndim > 1:
        places = float(np.prod(wide.shape[:-2])) if wide.ndim > 2 else 1.0
        found |= {"fan_in": places * wide.shape[-2], "fan_out": places * wide.shape[-1]}
        units = wide.reshape(-1, wide.shape[-1]).T
        if len(units) > 1:
            _, counts = np.unique(units, axis=0, return_counts=True)
            found["alike"] = float(counts[counts > 1].sum() / len(units))
    return found


def movement(
    now: Array, before: Array, start: Array | None, last: Array | None, way: Array | None
) -> dict[str, float]:
    """How far a weight moved in an epoch.

    Args:
        now: after it.
        before: before it.
        start: before training, or None.
        last: before its last step, or None.
        way: what the epoch before added, or None.

    Returns:
        ``moved``, ``norm``, ``from_start``: of the epoch's change, of the weight and of the change since the start, as
        Euclidean norms; ``last_step``: of the last step's change; ``straight``: the cosine of this epoch's and the last
        one's change.
    """
    change = (now - before).astype(np.float64)
    size = float(np.linalg.norm(change))
    found = {
        "moved": size,
        "norm": float(np.linalg.norm(now.astype(np.float64))),
    }
    if start is not None:
        found["from_start"] = float(np.linalg.norm((now - start).astype(np.float64)))
    if last is not None:
        found["last_step"] = float(np.linalg.norm((now - last).astype(np.float64)))
    if way is not None:
        other = float(np.linalg.norm(way.astype(np.float64)))
        if size > 0 and other > 0:
            found["straight"] = float((change * way).sum() / size / other)
    return found


def gradient(values: Array) -> dict[str, float]:
    """Figures of a gradient: norm, root mean square, largest, share of zeros; the share that is not finite first."""
    wide = values.astype(np.float64)
    bad = ~np.isfinite(wide)
    if bad.any():
        return {"not_finite": float(bad.mean())}
    return {
        "norm": float(np.linalg.norm(wide)),
        "rms": float(np.sqrt((wide**2).mean())),
        "max": float(np.abs(wide).max()),
        "zeros": float((wide == 0).mean()),
    }


def steps_figures(losses: list[float]) -> dict[str, float]:
    """The course of the loss within an epoch, step by step.

    Returns:
        ``count``; ``first`` and ``last``: means over the first and last tenth; ``min``, ``max``, ``median``; ``noise``: the
        standard deviation of one step to the next over the root of 2; ``jumps``: share of steps whose loss is more than
        twice the one before and the epoch's median.
    """
    values = np.array(losses, np.float64)
    sound = values[np.isfinite(values)]
    found = {"count": float(len(values)), "not_finite": float(len(values) - len(sound))}
    if not len(sound):
        return found
    tenth = max(1, len(sound) // 10)
    middle = float(np.median(sound))
    found |= {
        "first": float(sound[:tenth].mean()),
        "last": float(sound[-tenth:].mean()),
        "min": float(sound.min()),
        "max": float(sound.max()),
        "median": middle,
    }
    if len(sound) > 2:
        steps = np.diff(sound)
        found["noise"] = float(steps.std() / np.sqrt(2))
        found["jumps"] = float(
            ((sound[1:] > 2 * np.abs(sound[:-1])) & (sound[1:] > 2 * abs(middle))).mean()
        )
    return found
