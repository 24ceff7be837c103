"""Loss and accuracy of the reference run on MNIST, epoch by epoch: the median of five seeds.

    python benchmarks/headline.py FOLDER_OF_MNIST_FILES

Each seed draws its own 1,000 training rows and 2,000 validation rows and trains for five epochs, as
`pipetrace digits` does. Beside them are the figures of the page that the project was created from.
"""

import argparse
import tempfile
from pathlib import Path
from statistics import median

from pipetrace import read
from pipetrace.demo.data import load
from pipetrace.demo.model import Plan
from pipetrace.demo.run import record_digits
from pipetrace.demo.source import Source
from pipetrace.present.progress import Silent
from pipetrace.trace.document import Epoch

PAGE = ((1.2, 0.55), (0.8, 0.72), (0.5, 0.82), (0.35, 0.89), (0.28, 0.92))
SEEDS = range(5)
VALIDATION_ROWS = 2000


def run(source: Source, plan: Plan, folder: Path) -> tuple[Epoch, ...]:
    out = folder / f"{plan.seed}.trace"
    record_digits(source, plan, out, Silent())
    return read(out).epochs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--learning-rate", type=float, default=Plan().learning_rate)
    parser.add_argument(
        "data", type=Path, help="a folder of MNIST's IDX files, or anything else that --data takes"
    )
    arguments = parser.parse_args()
    source, rate = load(arguments.data), arguments.learning_rate
    with tempfile.TemporaryDirectory() as folder:
        plans = (
            Plan(seed=seed, validation_rows=VALIDATION_ROWS, learning_rate=rate) for seed in SEEDS
        )
        runs = [run(source, plan, Path(folder)) for plan in plans]
    print(
        f"{source.name}, learning rate {rate}: median of seeds {SEEDS[0]} to {SEEDS[-1]}, ", end=""
    )
    print("minimum and maximum in brackets\n")
    print(
        "| epoch | loss | page | met | accuracy | page | met | validation loss | validation accuracy |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for number, (loss, accuracy) in enumerate(PAGE):
        epochs = [epochs[number] for epochs in runs]
        cells = [
            str(number + 1),
            spread(epochs, "loss"),
            f"{loss:g}",
            "yes" if median(epoch.metrics["loss"] for epoch in epochs) <= loss else "**no**",
            spread(epochs, "accuracy"),
            f"{accuracy:g}",
            "yes"
            if median(epoch.metrics["accuracy"] for epoch in epochs) >= accuracy
            else "**no**",
            spread(epochs, "val_loss"),
            spread(epochs, "val_accuracy"),
        ]
        print(f"| {' | '.join(cells)} |")


def spread(epochs: list[Epoch], metric: str) -> str:
    values = [epoch.metrics[metric] for epoch in epochs]
    return f"{median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


if __name__ == "__main__":
    main()
