"""What a tf.data.Dataset tells of itself, against the dataset that was built; it is neither iterated nor changed."""

from typing import Any

import numpy as np
import pytest

from pipetrace.capture import internals
from pipetrace.capture.data.datasets import class_names, dataset_stages
from pipetrace.explain.layers import operation
from pipetrace.pipeline.run import run_steps
from pipetrace.record.measure.preprocessing import before
from pipetrace.trace.document import Spec, Stage

pytestmark = pytest.mark.framework

X, Y = np.arange(200, dtype=np.float32).reshape(100, 2), np.arange(100)


@pytest.fixture(scope="module")
def tf() -> Any:
    return pytest.importorskip("tensorflow")


def double(x: Any, y: Any) -> Any:
    return x * 2, y


def told(stages: tuple[Stage, ...], key: str) -> list[Any]:
    return [stage.config["dataset"][key] for stage in stages]


def last(dataset: Any) -> Any:
    return dataset_stages(dataset)[-1].config["dataset"]


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
    stages = dataset_stages(dataset)
    assert told(stages, "operation") == [
        "slices",
        "shuffle",
        "map",
        "map",
        "cache",
        "batch",
        "repeat",
        "prefetch",
    ]
    settings = told(stages, "settings")
    assert settings[1] == {"buffer_size": 50, "reshuffle": False, "seed": 3}
    assert settings[2] == {"parallel_calls": 4, "function": "double"}
    assert settings[3]["function"] == "a lambda"
    assert settings[5] == {"batch_size": 32, "drop_remainder": True}
    assert settings[6] == {"count": 3}
    assert settings[7] == {"buffer_size": -1}
    assert told(stages, "cardinality") == [100, 100, 100, 100, 100, 3, 9, 9]
    assert told(stages, "batched") == [0, 0, 0, 0, 0, 1, 1, 1]
    names = ["source", "shuffle", "map", "map_2", "cache", "batch", "repeat", "prefetch"]
    assert [stage.name for stage in stages] == names
    assert [each["stage"] for stage in stages for each in stage.config["from"]] == names[:-1]
    assert stages[0].config["dataset"]["elements"] == [
        {"key": "0", "shape": [2], "dtype": "float32", "type": "TensorSpec"},
        {"key": "1", "shape": [], "dtype": "int64", "type": "TensorSpec"},
    ]
    assert stages[5].config["dataset"]["elements"][0]["shape"] == [32, 2]


def test_what_is_only_known_when_it_runs_is_not_told(tf: Any) -> None:
    kept = tf.data.Dataset.from_tensor_slices(X).filter(lambda x: x[0] > 3)
    assert last(kept)["cardinality"] is None
    endless = last(tf.data.Dataset.range(5).repeat())
    assert (endless["cardinality"], endless["infinite"]) == (None, True)


@pytest.mark.parametrize(
    ("build", "expected"),
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
def test_other_stages(tf: Any, build: Any, expected: tuple[str, dict[str, Any]]) -> None:
    found = last(build(tf))
    assert (found["operation"], found["settings"]) == expected


def test_two_datasets_side_by_side_and_one_used_twice(tf: Any) -> None:
    one = tf.data.Dataset.range(5)
    stages = dataset_stages(tf.data.Dataset.zip((one, one.map(lambda v: v + 1))))
    assert told(stages, "operation") == ["range", "map", "zip"]
    assert [each["stage"] for each in stages[2].config["from"]] == ["source", "map"]


def test_all_inputs_of_a_join_are_told(tf: Any) -> None:
    rows, labels = (tf.data.Dataset.from_tensor_slices(each) for each in (X, Y))
    pairs = tf.data.Dataset.zip((rows, labels))
    *_, joined = dataset_stages(pairs.batch(4).unbatch().concatenate(pairs))
    assert [spec.source for spec in joined.inputs] == ["unbatch", "zip"]
    _, _, zipped = dataset_stages(pairs)
    assert [(spec.source, spec.shape) for spec in zipped.inputs] == [
        ("source", (None, 2)),
        ("slices", (None,)),
    ]
    windows = tf.keras.utils.timeseries_dataset_from_array(X, Y, sequence_length=5, batch_size=8)
    stages = dataset_stages(windows)
    taken = {spec.source for stage in stages for spec in stage.inputs}
    assert {stage.name for stage in stages} - taken == {stages[-1].name}


def test_a_weighted_mix_is_told_by_its_shares_and_without_what_draws(tf: Any) -> None:
    one, two = (tf.data.Dataset.from_tensor_slices(X).repeat() for _ in range(2))
    for weights, shares in ((None, [0.5, 0.5]), ([0.25, 0.75], [0.25, 0.75])):
        stages = dataset_stages(tf.data.Dataset.sample_from_datasets([one, two], weights).batch(4))
        assert told(stages, "operation") == [
            "slices",
            "repeat",
            "slices",
            "repeat",
            "sample",
            "batch",
        ]
        assert told(stages, "batched")[-2:] == [0, 1]
        assert stages[-2].config["dataset"]["settings"]["shares"] == pytest.approx(shares)
        assert [spec.source for spec in stages[-2].inputs] == ["repeat", "repeat_2"]


def test_names_of_classes_outlive_the_stages_behind_them(tf: Any) -> None:
    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)
    assert class_names(dataset) == class_names(X) == ()
    dataset.class_names = ["cat", "dog"]
    assert class_names(dataset.map(double).cache().prefetch(1)) == ("cat", "dog")


def test_what_a_dataset_of_datasets_holds_has_no_shape(tf: Any) -> None:
    (stage,) = dataset_stages(tf.data.Dataset.range(9).window(3, shift=2))[1:]
    found = stage.config["dataset"]
    assert (found["operation"], found["settings"]["size"], found["settings"]["shift"]) == (
        "window",
        3,
        2,
    )
    assert (found["elements"][0]["shape"], found["elements"][0]["type"]) == (None, "DatasetSpec")
    assert stage.outputs == ()


def test_without_the_private_attributes_there_is_one_stage(
    tf: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(9).batch(32).prefetch(2)
    assert internals.supports_dataset_inputs(dataset)
    monkeypatch.setattr(internals, "DATASET_INPUTS", "_gone")
    monkeypatch.setattr(internals, "DATASET_SETTINGS", {"batch_size": "_gone"})
    monkeypatch.setattr(internals, "DATASET_FUNCTIONS", ("_gone",))
    assert not internals.supports_dataset_inputs(dataset)
    (stage,) = dataset_stages(dataset, taken={"conv"})
    found = stage.config["dataset"]
    assert (stage.name, stage.kind, found["operation"]) == ("source", "source", "dataset")
    assert (found["cardinality"], found["batched"], found["settings"]) == (4, 1, {})
    assert operation(stage).does
    assert stage.outputs == (Spec((None, 2), "float32"),)
    (stage,) = dataset_stages(tf.data.Dataset.from_tensor_slices(X).batch(25, drop_remainder=True))
    assert stage.config["dataset"]["settings"] == {"batch_size": 25}
    assert stage.outputs == (Spec((None, 2), "float32"),)


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

    found = last(OddDataset())
    assert found["class"] == "OddDataset"
    assert found["elements"][0]["dtype"] == "int64"


def test_describing_runs_nothing(tf: Any) -> None:
    ran = []

    def rows() -> Any:
        ran.append(1)
        yield 1

    signature = tf.TensorSpec((), tf.int32)
    dataset = tf.data.Dataset.from_generator(rows, output_signature=signature).batch(2)
    passage = run_steps(dataset)
    assert len(before(passage).stages) == len(dataset_stages(dataset))
    assert ran == []
    assert passage.train.x is dataset


def test_a_dataset_becomes_stages_without_a_made_up_shape(tf: Any) -> None:
    dataset = tf.data.Dataset.from_tensor_slices(({"a": X, "b": X[:, 0]}, Y)).batch(32)
    stages = dataset_stages(dataset)
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


def test_steps_on_a_dataset_come_after_its_own_stages(tf: Any) -> None:
    dataset = tf.data.Dataset.from_tensor_slices(X).shuffle(10)
    steps = [("Batch it", lambda d: d.batch(8)), ("shuffle", lambda d: d.shuffle(2))]
    stages = before(run_steps(dataset, steps)).stages
    assert [stage.name for stage in stages] == ["source", "shuffle_2", "Batch it", "shuffle"]
    assert stages[2].outputs[0].shape == (None, 2)


def test_tensors_and_layers_are_measured(tf: Any) -> None:
    import keras

    passage = run_steps(X, [("it", lambda x: tf.constant(x) / 4)])
    assert [fact["kind"] for fact in passage.steps[0].detected.facts] == ["affine"]
    assert passage.history(3)[1].shape == (2,)
    layer = keras.layers.Normalization()
    layer.adapt(X)
    passage = run_steps((X, Y), [("Normalise", layer)])
    assert [fact["kind"] for fact in passage.steps[0].detected.facts] == ["affine"]
    assert passage.steps[0].step.config["class"] == "Normalization"


def test_the_columns_of_a_dictionary_stand_as_the_model_gets_them(tf: Any) -> None:
    """Keras sorts the keys; an element tells them in the order in which the program wrote them."""
    rows = {"kind": np.array(["a", "b"]), "age": np.zeros((2, 3), np.float32), "fee": np.arange(2)}
    (source,) = dataset_stages(tf.data.Dataset.from_tensor_slices((rows, np.arange(2))))
    assert [(each.name, each.dtype) for each in source.outputs] == [
        ("age", "float32"),
        ("fee", "int64"),
        ("kind", "string"),
    ]
    assert "kind: a single value string" in str(operation(source).shape)
