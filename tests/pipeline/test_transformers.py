"""Transformers that follow scikit-learn's conventions, and data frames that follow those of pandas.

Neither library is installed here: the classes below have the methods and attributes that the conventions ask for.
"""

from typing import Any

import numpy as np
import pytest

from pipetrace.errors import ArgumentError, StepError
from pipetrace.pipeline.callables import is_fitted
from pipetrace.pipeline.forms import form_of
from pipetrace.pipeline.passage import Passage, run_steps
from pipetrace.pipeline.steps import Batch, Shuffle, Split

X = np.random.default_rng(0).normal(size=(60, 4)) * 3 + 1


class NotFittedError(ValueError):
    pass


class Base:
    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.endswith("_")}

    @staticmethod
    def checked(x: Any) -> Any:
        array = np.asarray(x)
        if array.ndim != 2:
            raise ValueError("Expected 2D array, got 1D array instead")
        return array


class StandardScaler(Base):
    __module__ = "sklearn.preprocessing._data"

    def __init__(self, with_mean: bool = True) -> None:
        self.with_mean = with_mean

    def fit(self, x: Any) -> "StandardScaler":
        self.mean_, self.scale_, self.n_features_in_ = x.mean(axis=0), x.std(axis=0), x.shape[1]
        return self

    def transform(self, x: Any) -> Any:
        return (self.checked(x) - self.mean_) / self.scale_


class OneHotEncoder(Base):
    def fit(self, x: Any) -> "OneHotEncoder":
        self.categories_ = [np.unique(column) for column in x.T]
        return self

    def transform(self, x: Any) -> Any:
        parts = [
            column[:, None] == known
            for column, known in zip(self.checked(x).T, self.categories_, strict=True)
        ]
        return np.concatenate(parts, axis=1).astype(float)


class PCA(Base):
    def fit(self, x: Any) -> "PCA":
        self.mean_ = x.mean(axis=0)
        self.components_ = np.linalg.svd(x - self.mean_)[2][:2]
        self.explained_variance_ratio_ = np.array([0.5, 0.25])
        return self

    def transform(self, x: Any) -> Any:
        return (self.checked(x) - self.mean_) @ self.components_.T


class Late(Base):
    """It looks fitted, and its transform knows better."""

    def fit(self, x: Any) -> None: ...

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, x: Any) -> Any:
        raise NotFittedError("This Late instance is not fitted yet")


class Emptied(Late):
    """It was fitted once, and says that it no longer is."""

    def __init__(self) -> None:
        self.mean_ = 0

    def __sklearn_is_fitted__(self) -> bool:
        return False

    def transform(self, x: Any) -> Any:
        return x


class Stateless(Base):
    def fit(self, x: Any) -> None: ...

    def __sklearn_tags__(self) -> Any:
        return type("Tags", (), {"requires_fit": False})()

    def transform(self, x: Any) -> Any:
        return np.abs(x)


def kinds(passage: Passage) -> list[str]:
    return [fact["kind"] for fact in passage.steps[0].measured.facts]


def test_a_scaler_is_told_with_what_it_learnt() -> None:
    passage = run_steps(X, [("Scale", StandardScaler().fit(X))])
    told = passage.steps[0].action
    assert (told["kind"], told["class"], told["module"]) == (
        "transformer",
        "StandardScaler",
        "sklearn.preprocessing._data",
    )
    assert told["parameters"] == {"with_mean": True}
    assert told["fitted"]["mean_"] == X.mean(axis=0).tolist()
    assert told["fitted"]["n_features_in_"] == 4
    assert kinds(passage) == ["affine", "alone"]
    assert passage.steps[0].measured.facts[0]["a"] == pytest.approx(1 / X.std(axis=0))


def test_an_encoder_of_several_features() -> None:
    x = np.stack([np.arange(12) % 3, np.arange(12) % 2], axis=1)
    passage = run_steps(x, [("it", OneHotEncoder().fit(x))])
    assert passage.steps[0].measured.facts[0] == {
        "kind": "indicators",
        "columns": 5,
        "ones": 2,
        "of": "x",
    }
    assert passage.steps[0].action["fitted"]["categories_"] == [[0, 1, 2], [0, 1]]
    single = run_steps(x[:, :1], [("it", OneHotEncoder().fit(x[:, :1]))])
    assert kinds(single) == ["one-hot", "alone"]


def test_a_projection_is_by_row_and_nothing_more_is_claimed() -> None:
    passage = run_steps(X, [("it", PCA().fit(X))])
    assert kinds(passage) == ["alone"]
    assert passage.steps[0].action["fitted"]["explained_variance_ratio_"] == [0.5, 0.25]
    assert passage.train.x.shape == (60, 2)


def test_a_large_attribute_is_told_by_its_shape() -> None:
    wide = np.random.default_rng(0).normal(size=(5, 1500))
    told = run_steps(wide, [("it", StandardScaler().fit(wide))]).steps[0].action["fitted"]
    assert told["mean_"] == {"shape": [1500], "dtype": "float64"}


@pytest.mark.parametrize("step", [StandardScaler(), Late(), Emptied(), StandardScaler])
def test_what_was_not_fitted_is_refused(step: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        run_steps(X, [("Scale", step)])
    assert "Scale" in caught.value.what
    assert caught.value.where == "steps[0]"
    assert "fit" in caught.value.hint.lower()


def test_what_needs_no_fit_is_taken() -> None:
    assert is_fitted(Stateless())
    assert run_steps(X, [("it", Stateless())]).train.x.min() >= 0


def test_rows_with_one_axis_are_refused_where_a_transformer_refuses_them() -> None:
    with pytest.raises(ArgumentError, match="one axis only") as caught:
        run_steps(X[:, 0], [("Scale", StandardScaler().fit(X))])
    assert "reshape(-1, 1)" in caught.value.hint


def test_another_error_of_a_transformer_is_its_own() -> None:
    with pytest.raises(StepError, match="ValueError"):
        run_steps(X[:, :2], [("Scale", StandardScaler().fit(X))])


class Series:
    """As much of a pandas Series as its conventions ask for."""

    def __init__(self, values: Any, name: str = "") -> None:
        self.values, self.name = np.asarray(values), name

    dtype = property(lambda self: self.values.dtype)
    shape = property(lambda self: self.values.shape)
    iloc = property(lambda self: Chosen(lambda at: Series(self.values[at], self.name)))

    def __len__(self) -> int:
        return len(self.values)

    def to_numpy(self) -> Any:
        return self.values

    def copy(self) -> "Series":
        return Series(self.values.copy(), self.name)


class Chosen:
    def __init__(self, take: Any) -> None:
        self.take = take

    def __getitem__(self, at: Any) -> Any:
        return self.take(at)


class Frame:
    """As much of a pandas DataFrame as its conventions ask for."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = {name: np.asarray(values) for name, values in data.items()}

    columns = property(lambda self: list(self.data))
    dtypes = property(lambda self: [values.dtype for values in self.data.values()])
    shape = property(lambda self: (len(self), len(self.data)))
    iloc = property(
        lambda self: Chosen(
            lambda at: Frame({name: values[at] for name, values in self.data.items()})
        )
    )

    def __len__(self) -> int:
        return len(next(iter(self.data.values())))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.to_numpy()

    def __getitem__(self, name: str) -> Series:
        return Series(self.data[name], name)

    def to_numpy(self) -> Any:
        return np.stack(list(self.data.values()), axis=1)

    def copy(self) -> "Frame":
        return Frame({name: values.copy() for name, values in self.data.items()})


FRAME = Frame({"a": X[:, 0], "b": X[:, 1]})
MIXED = Frame({"a": X[:, 0], "word": np.array(["x", "yy"] * 30)})


def test_a_frame_is_told_by_its_columns() -> None:
    told = form_of(run_steps(MIXED).source.x)
    assert (told.kind, told.rows, told.dtype) == ("frame", 60, "mixed")
    assert told.columns == (("a", "float64"), ("word", "str"))


@pytest.mark.parametrize("frame", [FRAME, MIXED])
def test_frames_pass_the_steps_that_come_with_pipetrace(frame: Any) -> None:
    target = Series(np.arange(60))
    passage = run_steps(
        (frame, target), [("Shuffle", Shuffle(1)), ("Split", Split(0.25)), ("Batch", Batch(10))]
    )
    assert [step.measured.facts[0]["kind"] for step in passage.steps] == [
        "reordered",
        "split",
        "batches",
    ]
    # The batches of a frame whose columns have several types stay the batches that they are.
    held = passage.held_out["validation"].x
    assert (len(held) if frame is FRAME else sum(len(x) for x, _ in held)) == 15


def test_a_frame_is_scaled_into_an_array() -> None:
    passage = run_steps(FRAME, [("Scale", StandardScaler().fit(FRAME.to_numpy()))])
    assert kinds(passage) == ["affine", "alone"]
    assert passage.way(3)[1].shape == (2,)


class Sparse:
    """As much of a SciPy sparse matrix as its conventions ask for."""

    def __init__(self, dense: Any) -> None:
        self.dense = np.asarray(dense)

    dtype = property(lambda self: self.dense.dtype)
    shape = property(lambda self: self.dense.shape)
    nnz = property(lambda self: int(np.count_nonzero(self.dense)))

    def tocsr(self) -> "Sparse":
        return self

    def toarray(self) -> Any:
        return self.dense

    def copy(self) -> "Sparse":
        return Sparse(self.dense.copy())

    def __getitem__(self, at: Any) -> "Sparse":
        return Sparse(self.dense[at])


def test_a_sparse_matrix_is_measured_as_an_array() -> None:
    labels = np.arange(20) % 4
    passage = run_steps(labels, [("it", lambda x: Sparse(np.eye(4)[x]))])
    assert passage.steps[0].forms[1].kind == "sparse"
    assert kinds(passage) == ["one-hot", "alone"]
    assert kinds(run_steps(Sparse(np.eye(20)), [("Shuffle", Shuffle(0))])) == ["reordered"]
