"""What a selfcheck found: facts, which ``record`` measures and ``present`` puts into words."""

from dataclasses import dataclass

WEIGHT, OPTIMIZER, METRIC, GENERATOR = "weight", "optimizer", "metric", "generator"
HISTORY, RANDOM, LEFT, ENDING = "history", "random", "left", "ending"
KINDS = (WEIGHT, OPTIMIZER, METRIC, GENERATOR, HISTORY, RANDOM, LEFT, ENDING)
"""What is compared: each model's weights, the variables of its optimizer and metrics, the states of its generators of random
numbers, what ``fit`` returned; the process's random state, what is left in it at its end, and how the program ended."""
PROMISED = frozenset({WEIGHT, OPTIMIZER, METRIC, GENERATOR, RANDOM})
"""The kinds that have to be proven; where two plain runs differ in one of them, the selfcheck has not succeeded."""


@dataclass(frozen=True)
class Ran:
    """One run of the program, in a process of its own.

    Attributes:
        recorded: whether it was recorded.
        budget: the budget of the recorder; None is none, or there was no recorder.
        seconds: from the start of the process to its end, the import of Keras included.
        epochs: how many epochs its traces hold; 0 of a plain run.
        lost: what the recorder could not record, as the traces have it.
    """

    recorded: bool
    budget: float | None
    seconds: float
    epochs: int = 0
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """A value that is not the same in two runs.

    Attributes:
        kind: one of ``KINDS``.
        owner: the model, such as ``model 1 (digits)``; empty where it is the process's.
        name: of the value, such as ``conv2d/kernel``.
        run: which of the runs differs from the first plain one.
        elements: how many elements differ, of an array of one shape; None of anything else.
        size: how many elements there are.
        place: the index of the first one that differs.
        plain, recorded: that element in both runs, or in short what both runs had.
        largest: the largest absolute difference of two elements; None where none is a number.
        gone, added: of a list: what only the plain run has, and what only the other one has.
    """

    kind: str
    owner: str
    name: str
    run: int
    elements: int | None = None
    size: int | None = None
    place: tuple[int, ...] = ()
    plain: str = ""
    recorded: str = ""
    largest: float | None = None
    gone: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tally:
    """How the values of one kind compare.

    Attributes:
        kind: one of ``KINDS``.
        values: how many there are.
        agree: in how many of them the plain runs agree; only these can show a difference that recording makes.
        same: for each recorded run, in how many of those it agrees with the plain runs.
    """

    kind: str
    values: int
    agree: int
    same: tuple[int, ...]


@dataclass(frozen=True)
class Selfcheck:
    """What a selfcheck found.

    Attributes:
        program: how the program was started.
        seed: what was seeded before it, or None.
        deterministic: whether TensorFlow was told to be deterministic.
        models: the models that were fitted, in order.
        runs: the plain runs, then the recorded ones.
        tallies: for each kind of which there is a value.
        unsure: what differs between the plain runs already, so that it says nothing of the recorder.
        differences: what differs between the plain runs and a recorded one.
    """

    program: str
    seed: int | None
    deterministic: bool
    models: tuple[str, ...]
    runs: tuple[Ran, ...]
    tallies: tuple[Tally, ...]
    unsure: tuple[Difference, ...]
    differences: tuple[Difference, ...]

    @property
    def recorded(self) -> tuple[Ran, ...]:
        """The recorded runs."""
        return tuple(run for run in self.runs if run.recorded)

    @property
    def exit_code(self) -> int:
        """1 where recording changed something; 2 where that could not be seen of all that has to be proven; else 0."""
        if self.differences:
            return 1
        return 2 if any(each.kind in PROMISED for each in self.unsure) else 0
