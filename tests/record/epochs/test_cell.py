"""A training in the cell of a notebook: the epochs appear while it runs, in one output, and nothing is red."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.framework
TRAINING = """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras, numpy, pipetrace
keras.utils.set_random_seed(0)
x = numpy.random.default_rng(0).random((64, 4)).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
model.compile("adam", "sparse_categorical_crossentropy")
"""
FIT = """
model.fit(x, (x[:, 0] * 3).astype(int), epochs=3, callbacks=[pipetrace.Recorder("run.trace"{more})])
None
"""


class Heard(NotebookClient):  # type: ignore[misc] # nbclient has no types
    """Keeps what the kernel published, in order."""

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        self.__dict__.setdefault("heard", []).append((cell_index, msg["msg_type"], msg["content"]))
        return super().process_message(msg, cell, cell_index)


def test_the_epochs_appear_in_one_output_while_fit_runs(tmp_path: Path) -> None:
    made = nbformat.v4.new_notebook()
    sources = (TRAINING, FIT.format(more=""), FIT.format(more=", verbose=False"))
    made.cells = [nbformat.v4.new_code_cell(each) for each in sources]
    place = {"metadata": {"path": str(tmp_path)}}
    client = Heard(made, timeout=300, kernel_name="python3", resources=place, coalesce_streams=True)
    client.execute()
    told, silent = (each.outputs for each in made.cells[1:])
    # One table, and Keras' progress bars in one piece: nothing came between them, and nothing is red.
    assert [each.output_type for each in told] == ["display_data", "stream"]
    assert told[1].name == "stdout"
    assert "pipetrace" not in told[1].text
    data = told[0].data
    assert data["text/html"].count("<tr>") == 4
    assert "PT303" in data["text/html"]
    assert "Epoch 3: loss" in data["text/plain"]
    assert [each.output_type for each in silent] == ["stream"]
    # It grew while Keras printed.
    kinds = [(kind, content) for index, kind, content in client.heard if index == 1]
    rows = [
        content["data"]["text/html"].count("<tr>")
        for kind, content in kinds
        if kind in ("display_data", "update_display_data")
    ]
    assert rows[0] == 0
    assert rows == sorted(rows)
    assert {2, 3, 4} <= set(rows)
    order = [kind for kind, _ in kinds if kind in ("stream", "update_display_data")]
    assert "stream" in order[order.index("update_display_data") :]
