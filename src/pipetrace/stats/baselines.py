"""Baseline models: what the inputs tell of the targets, whatever the network does.

Ridge regression, linear and with Gaussian kernels, solved in closed form. Its leave-one-out errors
are exact (Cook and Weisberg 1982; for kernels Saunders, Gammerman and Vovk 1998).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from pipetrace.trace.document import Array
from pipetrace.trace.measurements import (
    ALIGNED,
    KERNEL,
    LINEAR,
    REVERSED,
    BaselineModel,
    PrincipalComponents,
    ShiftedTargets,
)

PENALTIES = (1e-4, 1e-2, 1e-1, 1.0, 10.0)
"""Ridge penalties tried, in units of the kernel's mean diagonal; leave-one-out chooses."""
WIDTHS = (0.25, 1.0, 4.0)
"""Widths of the Gaussian tried, in units of the median squared distance of two rows."""
FEWEST_ROWS = 20
"""Fewer rows than this tell nothing about what can be learned."""
PARTS = (1, 2, 4, 8, 16, 32, 64, 128)
"""How many principal components are kept for rows that are to be given again."""


@dataclass(frozen=True)
class Problem:
    """Rows to learn from, and rows to be measured on."""

    # x, y: ``(n, d)`` and ``(n, k)``; of classes one column for each, 1 where the row is of it
    x: Array
    y: Array
    # x_new, y_new: validation rows in the same form, or None
    x_new: Array | None
    y_new: Array | None
    classes: bool  # whether the columns of ``y`` are classes


def scores(problem: Problem) -> dict[str, BaselineModel]:
    """How well each baseline model predicts the targets, by its name."""
    x, x_new = _scaled(problem.x, problem.x_new)
    found = {}
    for name, kernels in ((LINEAR, _linear(x, x_new)), (KERNEL, _gaussian(x, x_new))):
        best: tuple[float, Array, _Inverse, Array | None] | None = None
        for kernel, kernel_new in kernels:
            for inverse in _inverses(kernel):
                predicted = _left_out(inverse, problem.y)
                error = float(((predicted - problem.y) ** 2).mean())
                if best is None or error < best[0]:
                    best = (error, predicted, inverse, kernel_new)
        if best is None:
            continue
        _, predicted, inverse, kernel_new = best
        plain, balanced = _scored(predicted, problem.y, classes=problem.classes)
        each = BaselineModel(len(x), problem.classes, plain, balanced)
        if kernel_new is not None and problem.y_new is not None:
            center = problem.y.mean(axis=0)
            new = kernel_new @ inverse.times(problem.y - center) + center
            plain, balanced = _scored(new, problem.y_new, classes=problem.classes)
            each = replace(each, validation=plain, validation_balanced=balanced)
        found[name] = each
    return found


def learned(problem: Problem) -> dict[str, BaselineModel]:
    """The same, with what the validation rows give by themselves."""
    found = scores(problem)
    if problem.x_new is None or problem.y_new is None or len(problem.x_new) < FEWEST_ROWS:
        return found
    own = scores(Problem(problem.x_new, problem.y_new, None, None, problem.classes))
    return {
        name: replace(each, within_validation=own[name].score) if name in own else each
        for name, each in found.items()
    }


def shifted(problem: Problem, lags: tuple[int, ...] = (-2, -1, 1, 2)) -> dict[str, ShiftedTargets]:
    """The linear baseline's leave-one-out score with targets shifted by some rows, or reversed."""
    x, _ = _scaled(problem.x, None)
    inverse = next(iter(_inverses(next(_linear(x, None))[0], PENALTIES[2:3])))
    moved = {str(lag): np.roll(problem.y, lag, axis=0) for lag in lags}
    return {
        name: ShiftedTargets(score(_left_out(inverse, y), y, classes=problem.classes))
        for name, y in {**moved, REVERSED: problem.y[::-1], ALIGNED: problem.y}.items()
    }


def components(x: Array) -> dict[str, PrincipalComponents]:
    """R2 of the rows rebuilt from principal components: what a linear code can reach."""
    centered = x - x.mean(axis=0)
    powers = np.linalg.eigvalsh(centered @ centered.T)[::-1].clip(0)
    total = float(powers.sum())
    if total <= 0:
        return {}
    return {
        str(count): PrincipalComponents(float(powers[:count].sum() / total))
        for count in PARTS
        if count <= min(x.shape)
    }


def score(predicted: Array, y: Array, *, classes: bool) -> float:
    """The accuracy for classes, R2 for numbers: 1 less the squared error over that of the mean."""
    if classes:
        return float((predicted.argmax(axis=1) == y.argmax(axis=1)).mean())
    spread = float(((y - y.mean(axis=0)) ** 2).sum())
    return 1 - float(((predicted - y) ** 2).sum()) / spread if spread > 0 else 0.0


def _scored(predicted: Array, y: Array, *, classes: bool) -> tuple[float, float | None]:
    """The score, and for classes the mean of each class's own."""
    plain = score(predicted, y, classes=classes)
    if not classes:
        return plain, None
    right = predicted.argmax(axis=1) == y.argmax(axis=1)
    of_each = [right[column > 0].mean() for column in y.T if (column > 0).any()]
    return plain, float(np.mean(of_each))


def _scaled(x: Array, x_new: Array | None) -> tuple[Array, Array | None]:
    mean, std = x.mean(axis=0), x.std(axis=0)
    std = np.where(std > 1e-12 * (np.abs(mean) + 1e-300), std, 1.0)
    size = np.sqrt(x.shape[1])
    # A column that hardly varied among these rows may be far away in the others.
    new = None if x_new is None else ((x_new - mean) / std).clip(-10, 10) / size
    return (x - mean) / std / size, new


def _linear(x: Array, x_new: Array | None) -> Iterator[tuple[Array, Array | None]]:
    kernel = x @ x.T
    # The constant column: without it, leaving out one row would change nothing.
    constant = float(np.trace(kernel)) / len(kernel) or 1.0
    yield kernel + constant, None if x_new is None else x_new @ x.T + constant


def _gaussian(x: Array, x_new: Array | None) -> Iterator[tuple[Array, Array | None]]:
    squares = (x**2).sum(axis=1)
    apart = np.maximum(squares[:, None] + squares[None, :] - 2 * x @ x.T, 0)
    middle = float(np.median(apart[apart > 0])) if (apart > 0).any() else 1.0
    apart_new = None
    if x_new is not None:
        apart_new = np.maximum(
            (x_new**2).sum(axis=1)[:, None] + squares[None, :] - 2 * x_new @ x.T, 0
        )
    for width in WIDTHS:
        scale = 1 / (2 * width * middle)
        yield np.exp(-apart * scale), None if apart_new is None else np.exp(-apart_new * scale)


@dataclass(frozen=True)
class _Inverse:
    """A kernel with its ridge, inverted in its eigenbasis: each further ridge is cheap."""

    powers: Array
    vectors: Array

    def times(self, values: Array) -> Array:
        found: Array = self.vectors @ ((self.vectors.T @ values) / self.powers[:, None])
        return found

    @property
    def diagonal(self) -> Array:
        found: Array = (self.vectors**2) @ (1 / self.powers)
        return found


def _inverses(kernel: Array, penalties: tuple[float, ...] = PENALTIES) -> Iterator[_Inverse]:
    powers, vectors = np.linalg.eigh(kernel)
    mean = float(np.trace(kernel)) / len(kernel) or 1.0
    for penalty in penalties:
        yield _Inverse(powers.clip(0) + penalty * mean, vectors)


def _left_out(inverse: _Inverse, y: Array) -> Array:
    """For each row what is told of it by all others."""
    weights = inverse.times(y - y.mean(axis=0))
    told: Array = y - weights / np.maximum(inverse.diagonal[:, None], 1e-300)
    return told
