"""A fault that a question plants in a program is found by the rule that the question names."""

from pathlib import Path

import pytest
from tests.explain.findings.conftest import told
from tests.explain.findings.test_proposals import recorded

from pipetrace.explain.quiz.faults import faults

pytestmark = [
    pytest.mark.framework,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::UserWarning"),  # Keras warns of some of the faults
]

CLASSES = """
import keras
import numpy as np
from keras import layers
keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(480, 8)).astype("float32")
y = (x @ rng.normal(size=(8, 3))).argmax(axis=1)
hidden = layers.Dense(16, activation="relu")
last = layers.Dense(3, activation="softmax")
model = keras.Sequential([keras.Input((8,)), hidden, layers.Dense(12, activation="relu"), last])
model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x[:360], y[:360], validation_data=(x[360:], y[360:]), epochs=3, batch_size=32, verbose=0)
"""
NUMBERS = (
    CLASSES.replace(".argmax(axis=1)", "[:, :1]")
    .replace('layers.Dense(3, activation="softmax")', "layers.Dense(1)")
    .replace('"sparse_categorical_crossentropy", metrics=["accuracy"]', '"mse"')
)
BINARY = (
    CLASSES.replace(".argmax(axis=1)", "[:, 0] > 0")
    .replace('layers.Dense(3, activation="softmax")', 'layers.Dense(1, activation="sigmoid")')
    .replace("sparse_categorical", "binary")
)
PLANTED = {
    "PT111": ("y[:360],", "y[:360] + 3,"),
    "PT303": ('layers.Dense(3, activation="softmax")', "layers.Dense(3)"),
    "PT301": ("layers.Dense(3, act", "layers.Dense(1, act"),
    "PT203": ('layers.Dense(16, activation="relu")', 'layers.Dense(16, activation="softmax")'),
    "PT602": ('Dense(16, activation="relu")', 'Dense(16, kernel_initializer="zeros")'),
    "PT320": ('loss="mse"', 'loss="mse", metrics=["accuracy"]'),
    "PT505": ("(x[360:], y[360:])", "(x[:100], y[:100])"),
}
"""For each rule what its fault changes in the program."""
LOGITS = {"sparse_categorical_crossentropy": "SparseCategorical", "binary_crossentropy": "Binary"}


@pytest.mark.parametrize(
    "program", [CLASSES, BINARY, NUMBERS], ids=["classes", "binary", "numbers"]
)
def test_the_rule_finds_the_fault(program: str, tmp_path: Path) -> None:
    sound = recorded(program, tmp_path, "sound")
    planted = [each.rule for each in faults(sound)]
    assert len(planted) >= 4
    changes = dict(PLANTED)
    for loss, name in LOGITS.items():
        if loss in program:
            logits = f"keras.losses.{name}Crossentropy(from_logits=True)"
            changes["PT304"] = (f'"{loss}"', logits)
    before = told(sound, notes=True)
    for code in planted:
        old, new = changes[code]
        assert program.count(old) == 1, code
        found = told(recorded(program.replace(old, new), tmp_path, code), notes=True)
        assert code in found, (code, sorted(found))
        assert code not in before, code
