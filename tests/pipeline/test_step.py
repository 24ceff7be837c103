"""Transformers that follow scikit-learn's conventions, and data frames that follow those of pandas.

Neither library is installed here: the classes below have the methods and attributes that the conventions ask for.
"""

import functools
from typing import Any

import numpy as np
import pytest

from pipetrace.errors import ArgumentError, StepError
from pipetrace.pipeline.kinds import described
from pipetrace.pipeline.run import Passage, run_steps
from pipetrace.pipeline.step import check_steps

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
    return [fact["kind"] for fact in passage.steps[0].detected.facts]


def named(x: Any) -> Any:
    return x + 1


class Adder:
    """A callable object, with a method that is one too."""

    def __call__(self, x: Any) -> Any:
        return x + 1

    def twice(self, x: Any) -> Any:
        return self(self(x))


def test_a_scaler_is_named_and_measured() -> None:
    passage = run_steps(X, [("Scale", StandardScaler().fit(X))])
    assert passage.steps[0].step.config == {
        "kind": "transformer",
        "class": "StandardScaler",
        "module": "sklearn.preprocessing._data",
    }
    assert kinds(passage) == ["affine"]
    assert passage.steps[0].detected.facts[0]["features"] == 4


def test_each_kind_of_callable_is_told_as_what_it_is() -> None:
    steps: dict[str, Any] = {
        "a lambda": lambda x: x / 2,
        "named": named,
        "Adder.twice": Adder().twice,
        "add": functools.partial(np.add, 3),
        "negative": np.negative,
    }
    for step, name in zip(check_steps(list(steps.items())), steps, strict=True):
        assert step.config == {"kind": "function", "name": name}
    (step,) = check_steps([("object", Adder())])
    assert (step.config["kind"], step.config["class"]) == ("object", "Adder")


@pytest.mark.parametrize(
    "steps",
    [
        3,
        [("a",)],
        [("", named)],
        [(1, named)],
        [("a", named), ("a", named)],
        [("a", 5)],
        [("a", "b")],
        [("a", None)],
        ["ab", 3],
    ],
)
def test_steps_that_cannot_be(steps: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        check_steps(steps)
    assert str(caught.value.where).startswith("steps")


@pytest.mark.parametrize("step", [StandardScaler(), Late(), Emptied(), StandardScaler])
def test_what_was_not_fitted_is_refused(step: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        run_steps(X, [("Scale", step)])
    assert "Scale" in caught.value.what
    assert caught.value.where == "steps[0]"
    assert "fit" in caught.value.hint.lower()


def test_what_needs_no_fit_is_taken() -> None:
    assert run_steps(X, [("it", Stateless())]).train.x.min() >= 0


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
    told = described(run_steps(MIXED).source.x)
    assert (told.kind, told.rows, told.dtype) == ("frame", 60, "mixed")
    assert told.columns == (("a", "float64"), ("word", "str"))


@pytest.mark.parametrize("frame", [FRAME, MIXED])
def test_frames_are_split(frame: Any) -> None:
    passage = run_steps(
        (frame, Series(np.arange(60))),
        [
            (
                "Split",
                lambda x, y: {
                    "train": (x.iloc[:45], y.iloc[:45]),
                    "val": (x.iloc[45:], y.iloc[45:]),
                },
            )
        ],
    )
    assert passage.steps[0].detected.facts[0]["kind"] == "split"
    assert (len(passage.train.x), len(passage.validation["val"].x)) == (45, 15)


def test_a_frame_is_scaled_into_an_array() -> None:
    passage = run_steps(FRAME, [("Scale", StandardScaler().fit(FRAME.to_numpy()))])
    assert kinds(passage) == ["affine"]
    assert passage.history(3)[1].shape == (2,)


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
    x = Sparse(np.arange(20.0).reshape(10, 2))
    passage = run_steps(x, [("it", lambda x: Sparse(x.toarray() / 4))])
    assert described(passage.steps[0].value).kind == "sparse"
    assert kinds(passage) == ["affine"]
