"""Plain and recorded trainings in turn, each in a process of its own, and what is made of their times."""

import compileall
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
SHARE, SECONDS = 0.05, 2.0
"""What is promised of a ``fit``: at most this share of it, or seconds where that is more."""
NAMES = (
    "digits",
    "mlp",
    "lstm",
    "backbone",
    "diffusion",
    "cross_validation",
    "tf_data",
    "quick_epochs",
    "graph_network",
)


@dataclass(frozen=True)
class Row:
    """What one training took without and with the recorder.

    Attributes:
        name: of the workload; ``title``: what it is.
        fits: calls of ``fit``, each of which has the promise for itself.
        plain, recorded: seconds of ``fit`` until it returns, the medians.
        ratio: the median of the pairs; ``spread``: the least and the most.
        added: seconds that the recorder adds, the median of the pairs; ``added_spread`` as well.
        promised: seconds that it may add.
    """

    name: str
    title: str
    fits: int
    plain: float
    recorded: float
    ratio: float
    spread: tuple[float, float]
    added: float
    added_spread: tuple[float, float]
    promised: float

    @property
    def kept(self) -> bool:
        """Whether the promise is kept."""
        return self.added <= self.promised


def measured(
    rounds: int = 3,
    *,
    names: Sequence[str] = NAMES,
    quick: bool = False,
    told: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """Measure the workloads.

    Args:
        rounds: pairs of each; who comes first in one comes second in the next.
        names: of the workloads.
        quick: fewer epochs and a single pair, which only shows that it works.
        told: hears of each pair.

    Raises:
        RuntimeError: a training failed.
    """
    compileall.compile_dir(ROOT / "src", quiet=2)
    rows = []
    for name in names:
        pairs = []
        for number in range(1 if quick else rounds):
            order = [False, True] if number % 2 == 0 else [True, False]
            took = {recorded: _run(name, recorded=recorded, quick=quick) for recorded in order}
            pairs.append((took[False], took[True]))
            told(f"{name}: {took[False]['seconds']:.2f} s, recorded {took[True]['seconds']:.2f} s")
        rows.append(_row(name, pairs))
    return rows


def _row(name: str, pairs: list[tuple[dict[str, float], dict[str, float]]]) -> Row:
    plain = [one["seconds"] for one, _ in pairs]
    recorded = [other["seconds"] for _, other in pairs]
    ratios = [other / one for one, other in zip(plain, recorded, strict=True)]
    added = [other - one for one, other in zip(plain, recorded, strict=True)]
    fits = int(pairs[0][0]["fits"])
    return Row(
        name=name,
        title=str(pairs[0][0]["title"]),
        fits=fits,
        plain=median(plain),
        recorded=median(recorded),
        ratio=median(ratios),
        spread=(min(ratios), max(ratios)),
        added=median(added),
        added_spread=(min(added), max(added)),
        promised=max(SHARE * median(plain), SECONDS * fits),
    )


def _run(name: str, *, recorded: bool, quick: bool) -> dict[str, float]:
    order = json.dumps({"name": name, "recorded": recorded, "quick": quick})
    command = [sys.executable, "-m", "benchmarks.cost.worker", order]
    # With byte code, as an installed package has it.
    given = {key: each for key, each in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment = {**given, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
