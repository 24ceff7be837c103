"""Loss and accuracy of the reference run on MNIST, epoch by epoch: the median of five seeds.

    python benchmarks/headline.py FOLDER_OF_MNIST_FILES

Each seed draws its own 1,000 training rows and 2,000 held-out rows and trains for five epochs, as `pipetrace digits`
does. The figures of the page that the project was created from stand beside them.
"""

import argparse
import tempfile
from pathlib import Path
from statistics import median

from pipetrace import read
from pipetrace.demo.data import Source, load
from pipetrace.demo.model import Plan
from pipetrace.demo.run import record_digits
from pipetrace.present.progress import Silent
from pipetrace.trace.document import Epoch

PAGE = ((1.2, 0.55), (0.8, 0.72), (0.5, 0.82), (0.35, 0.89), (0.28, 0.92))
SEEDS = range(5)
HELD_OUT = 2000


def run(source: Source, seed: int, folder: Path) -> tuple[Epoch, ...]:
    out = folder / f"{seed}.trace"
    record_digits(source, Plan(seed=seed, validation_rows=HELD_OUT), out, Silent())
    return read(out).epochs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "data", type=Path, help="a folder of MNIST's IDX files, or anything else that --data takes"
    )
    source = load(parser.parse_args().data)
    with tempfile.TemporaryDirectory() as folder:
        runs = [run(source, seed, Path(folder)) for seed in SEEDS]
    print(f"{source.name}: median of seeds {SEEDS[0]} to {SEEDS[-1]}, least and most in brackets\n")
    print(
        "| epoch | loss | page | met | accuracy | page | met | held-out loss | held-out accuracy |"
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
