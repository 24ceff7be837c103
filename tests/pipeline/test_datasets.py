"""What a tf.data.Dataset tells of itself, against the dataset that was built; it is neither iterated nor changed."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from pipetrace.pipeline.datasets import DatasetStage, Element, describe_dataset
from pipetrace.pipeline.passage import run_steps
from pipetrace.pipeline.stage_facts import stages_of
from pipetrace.trace.document import Spec, Stage

pytestmark = pytest.mark.framework

X, Y = np.arange(200, dtype=np.float32).reshape(100, 2), np.arange(100)


@pytest.fixture(scope="module")
def tf() -> Any:
    return pytest.importorskip("tensorflow")


def double(x: Any, y: Any) -> Any:
    return x * 2, y


def operations(stages: tuple[DatasetStage, ...]) -> list[str]:
    return [stage.operation for stage in stages]


def test_each_stage_is_told_with_its_settings(tf: Any) -> None:
    dataset = (
        tf.data.Dataset.from_tensor_slices((X, Y))
        .shuffle(50, seed=3, reshuffle_each_iteration=False)
        .map(double, num_parallel_calls=4)
        .map(lambda x, y: (x, y))
        .cache()
        .batch(32, drop_remainder=True)
        .repeat(3)
        .prefetch(tf.data.AUTOTUNE)
    )
    stages = describe_dataset(dataset)
    assert operations(stages) == [
        "slices",
        "shuffle",
        "map",
        "map",
        "cache",
        "batch",
        "repeat",
        "prefetch",
    ]
    settings = [dict(stage.settings) for stage in stages]
    assert settings[1] == {"buffer_size": 50, "reshuffle": False, "seed": 3}
    assert settings[2] == {"parallel_calls": 4, "function": "double"}
    assert settings[3]["function"] == "a lambda"
    assert settings[5] == {"batch_size": 32, "drop_remainder": True}
    assert settings[6] == {"count": 3}
    assert settings[7] == {"buffer_size": -1}
    assert [stage.cardinality for stage in stages] == [100, 100, 100, 100, 100, 3, 9, 9]
    assert [stage.batched for stage in stages] == [0, 0, 0, 0, 0, 1, 1, 1]
    assert [stage.inputs for stage in stages] == [(), (0,), (1,), (2,), (3,), (4,), (5,), (6,)]
    assert stages[0].elements == (
        Element("0", (2,), "float32", "TensorSpec"),
        Element("1", (), "int64", "TensorSpec"),
    )
    assert stages[5].elements[0].shape == (32, 2)


def test_what_is_only_known_when_it_runs_is_not_told(tf: Any) -> None:
    kept = tf.data.Dataset.from_tensor_slices(X).filter(lambda x: x[0] > 3)
    assert describe_dataset(kept)[-1].cardinality is None
    endless = describe_dataset(tf.data.Dataset.range(5).repeat())[-1]
    assert (endless.cardinality, endless.infinite) == (None, True)


@pytest.mark.parametrize(
    ("build", "last"),
    [
        (lambda tf: tf.data.Dataset.range(9).take(3), ("take", {"count": 3})),
        (lambda tf: tf.data.Dataset.range(9).skip(3), ("skip", {"count": 3})),
        (lambda tf: tf.data.Dataset.range(9).shard(3, 1), ("shard", {"shards": 3, "index": 1})),
        (
            lambda tf: tf.data.Dataset.range(9).batch(2, num_parallel_calls=2),
            ("batch", {"batch_size": 2, "drop_remainder": False, "parallel_calls": 2}),
        ),
        (
            lambda tf: tf.data.Dataset.range(9).padded_batch(2),
            ("padded batch", {"batch_size": 2, "drop_remainder": False}),
        ),
        (lambda tf: tf.data.Dataset.range(9).unique(), ("unique", {})),
        (
            lambda tf: tf.data.Dataset.range(9).interleave(
                lambda v: tf.data.Dataset.range(v + 1), cycle_length=2
            ),
            ("interleave", {"cycle_length": 2, "block_length": 1, "function": "a lambda"}),
        ),
        (lambda tf: tf.data.Dataset.range(2, 9, 3), ("range", {"start": 2, "stop": 9, "step": 3})),
    ],
)
def test_other_stages(tf: Any, build: Any, last: tuple[str, dict[str, Any]]) -> None:
    stage = describe_dataset(build(tf))[-1]
    assert (stage.operation, dict(stage.settings)) == last


def test_two_datasets_side_by_side_and_one_used_twice(tf: Any) -> None:
    one = tf.data.Dataset.range(5)
    stages = describe_dataset(tf.data.Dataset.zip((one, one.map(lambda v: v + 1))))
    assert operations(stages) == ["range", "map", "zip"]
    assert stages[2].inputs == (0, 1)


def test_what_a_dataset_of_datasets_holds_has_no_shape(tf: Any) -> None:
    stage = describe_dataset(tf.data.Dataset.range(9).window(3, shift=2))[-1]
    assert (stage.operation, stage.settings["size"], stage.settings["shift"]) == ("window", 3, 2)
    assert (stage.elements[0].shape, stage.elements[0].type) == (None, "DatasetSpec")


def test_an_unknown_stage_is_told_by_its_class_and_elements(tf: Any) -> None:
    class OddDataset(type(tf.data.Dataset.range(1)).__mro__[1]):  # type: ignore[misc]
        def __init__(self) -> None:
            self.inner = tf.data.Dataset.range(4)
            self.ready = False
            super().__init__(self.inner._variant_tensor)
            self.ready = True

        def _inputs(self) -> Any:
            if self.ready:
                raise RuntimeError("no")
            return [self.inner]

        @property
        def element_spec(self) -> Any:
            return self.inner.element_spec

        _batch_size = property(lambda self: 1 / 0)

    (stage,) = describe_dataset(OddDataset())
    assert (stage.operation, stage.type) == ("Odd", "OddDataset")
    assert stage.elements[0].dtype == "int64"


def test_describing_runs_nothing(tf: Any) -> None:
    ran = []

    def rows() -> Any:
        ran.append(1)
        yield 1

    dataset = tf.data.Dataset.from_generator(
        rows, output_signature=tf.TensorSpec((), tf.int32)
    ).batch(2)
    describe_dataset(dataset)
    passage = run_steps(dataset)
    stages_of(passage, Stage, Spec)
    assert ran == []
    assert passage.train.x is dataset


def test_a_dataset_becomes_stages_without_a_made_up_shape(tf: Any) -> None:
    dataset = tf.data.Dataset.from_tensor_slices(({"a": X, "b": X[:, 0]}, Y)).batch(32)
    stages = stages_of(run_steps(dataset), Stage, Spec)
    assert [(stage.name, stage.kind) for stage in stages] == [
        ("source", "source"),
        ("batch", "step"),
    ]
    for stage in stages:
        assert [(spec.shape, spec.dtype, spec.name) for spec in stage.outputs] == [
            ((None, 2), "float32", "a"),
            ((None,), "float32", "b"),
        ]
    assert stages[1].inputs[1] == Spec((None,), "float32", "source", 1, "b")
    windows = stages_of(run_steps(tf.data.Dataset.range(9).window(3)), Stage, Spec)[-1]
    assert windows.outputs == ()


def test_steps_on_a_dataset_come_after_its_own_stages(tf: Any) -> None:
    dataset = tf.data.Dataset.from_tensor_slices(X).shuffle(10)
    passage = run_steps(
        dataset, [("Batch it", lambda d: d.batch(8)), ("shuffle", lambda d: d.shuffle(2))]
    )
    stages = stages_of(passage, Stage, Spec)
    assert [stage.name for stage in stages] == ["source", "shuffle_2", "Batch it", "shuffle"]
    assert stages[2].outputs[0].shape == (None, 2)
    assert [each["operation"] for each in stages[2].config["dataset"]] == [
        "slices",
        "shuffle",
        "batch",
    ]


def test_a_tensor_is_measured_as_an_array(tf: Any) -> None:
    passage = run_steps(X, [("it", lambda x: tf.constant(x) / 4)])
    assert [fact["kind"] for fact in passage.steps[0].measured.facts] == ["affine", "alone"]
    assert passage.way(3)[1].shape == (2,)


def test_a_preprocessing_layer_is_a_step(tf: Any) -> None:
    import keras

    layer = keras.layers.Normalization()
    layer.adapt(X)
    passage = run_steps((X, Y), [("Normalise", layer)])
    assert [fact["kind"] for fact in passage.steps[0].measured.facts] == ["affine", "alone"]
    assert passage.steps[0].action["class"] == "Normalization"


def test_nothing_here_imports_a_framework() -> None:
    script = (
        "import sys, numpy as np; from pipetrace.pipeline.passage import run_steps; "
        "run_steps(np.arange(9.0), [('Scale', lambda x: x / 2)]); "
        "print({'tensorflow', 'keras', 'sklearn', 'pandas', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "set()"
