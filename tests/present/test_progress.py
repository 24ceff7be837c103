"""How a run goes, while it goes."""

import contextlib
import io
import math

import pytest
from rich.console import Console

from pipetrace.present.progress import Bars, Lines, Silent, epoch_line
from pipetrace.trace.document import Epoch

EPOCH = Epoch(2, {"loss": 0.5, "accuracy": 0.875, "val_loss": 1.25, "val_accuracy": 0.5}, 1.5)


def test_an_epoch_is_one_line_of_figures() -> None:
    words = "Epoch 2: loss 0.500, accuracy 87.5 %, validation loss 1.25, validation accuracy 50 %, 1.5 s"
    assert epoch_line(EPOCH) == words
    assert epoch_line(Epoch(1, {"loss": math.nan}, 0.02)) == "Epoch 1: loss NaN, 0.020 s"


@pytest.mark.parametrize("width", [20, 80, 200])
def test_lines_are_never_broken(width: int) -> None:
    file = io.StringIO()
    with Lines(Console(file=file, width=width)) as progress:
        progress.begins("Loading Keras and TensorFlow")
        progress.step(1, 1, {})
        progress.rows(1, 2)
        progress.epoch(EPOCH)
    assert file.getvalue() == f"Loading Keras and TensorFlow ...\n{epoch_line(EPOCH)}\n"


def test_silence_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with Silent() as progress:
        progress.begins("x")
        progress.epoch(EPOCH)
    assert capsys.readouterr() == ("", "")


def shown(progress: Bars, console: Console) -> str:
    """The line as it stands."""
    with console.capture() as captured:
        console.print(progress._bar.get_renderable())
    return " ".join(captured.get().split())


def test_a_bar_counts_the_steps_of_all_epochs_and_then_the_rows() -> None:
    file = io.StringIO()
    console = Console(file=file, width=100, force_terminal=True, color_system=None)
    with Bars(console, epochs=3, steps=7) as progress:
        progress.begins("Loading Keras and TensorFlow")
        assert "Loading Keras and TensorFlow" in shown(progress, console)
        assert "0/?" in shown(progress, console)
        progress.begins("Training")
        progress.step(2, 3, {"loss": 0.4567})
        assert "Epoch 2 of 3, loss 0.457" in shown(progress, console)
        assert "10/21" in shown(progress, console)
        progress.epoch(EPOCH)
        progress.begins("Measuring the data flow")
        assert "Measuring the data flow" in shown(progress, console)
        assert "0/?" in shown(progress, console), "how many rows there are is not known yet"
        progress.rows(64, 200)
        assert "64/200" in shown(progress, console)
        progress.begins("Writing the page")
        assert "0/?" in shown(progress, console)


def test_the_bar_is_taken_away() -> None:
    file = io.StringIO()
    console = Console(file=file, width=100, force_terminal=True, color_system=None)
    with contextlib.suppress(KeyboardInterrupt), Bars(console, 1, 1) as progress:
        progress.begins("Training")
        raise KeyboardInterrupt
    assert file.getvalue().endswith("\x1b[2K"), "the last thing is to clear the line"
    assert "\x1b[?25h" in file.getvalue(), "the cursor is back"


def test_an_epochs_line_has_the_metrics_that_there_are() -> None:
    metrics = {"mae": 0.5, "val_mae": 0.4, "loss": 2.0, "val_loss": 1.0, "recall": 0.25}
    assert epoch_line(Epoch(3, metrics, 1.0)) == (
        "Epoch 3: loss 2, mae 0.500, recall 25 %, validation loss 1, validation mae 0.400, 1 s"
    )
    assert epoch_line(Epoch(1, {}, 1.0)) == "Epoch 1: no metrics, 1 s"
