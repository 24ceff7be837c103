"""The training step of a model that has its own: traced once, the sub-models it calls are stages.

Nothing that the step does is kept. Variables are those of a stateless scope, optimizers only note
what they were to apply, and what the step does to attributes, random numbers and the output of its
thread is undone. The function that comes of it runs what is asked for alone, so that no print and
no assignment of the step runs with it.
"""

import contextlib
import functools
import math
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pipetrace.capture import internals
from pipetrace.capture.backend import load
from pipetrace.capture.nodes import Graph
from pipetrace.capture.tensors import dense, key, traced_back
from pipetrace.capture.training import Slopes
from pipetrace.capture.weights import in_place_of, random_state_kept, trainable, weights

SCALING = frozenset({"Mean", "Sum", "Mul", "RealDiv", "Reshape", "AddV2", "AddN"})
"""Operations between a loss and the number that a metric is told of it."""
SCALED = frozenset({"Mul", "RealDiv"})
"""Those between a metric and the loss that an optimizer gets, as with a scaled loss."""
CHANGES = re.compile(
    r"Assign|Resource(?!Gather)|Rng|Stateful(?!PartitionedCall)|PyFunc|Print|Iterator|Insert"
    r"|Import|Summary|Queue|WriteFile|Save"
)
"""Operations of TensorFlow that change something, or run the program's Python."""


class ChangesStateError(ValueError):
    """What the step gives cannot be had without changing something; ``seen`` are its stages."""

    def __init__(self, seen: Graph) -> None:
        super().__init__("the training step changes what is no Keras variable")
        self.seen = seen


def trains_by_step(model: Any) -> bool:
    """Whether a model has a ``train_step`` of its own and no ``call``."""
    return steps_itself(model) and type(model).call is load().Model.call


def steps_itself(model: Any) -> bool:
    """Whether a model has a ``train_step`` of its own."""
    return type(model).train_step is not load().Model.train_step


def computes_loss(model: Any) -> bool:
    """Whether a model's ``train_step`` or ``compute_loss`` is its own: it may call more layers."""
    return steps_itself(model) or type(model).compute_loss is not load().Model.compute_loss


def leaves_out(model: Any, seen: Graph) -> bool:
    """Whether layers that train were not among the stages of a model's ``call``."""
    known = {id(each) for node in seen.nodes for each in getattr(node.operation, "weights", [])}
    return bool(seen.nodes) and any(id(each) not in known for each in trainable(model))


class TrainStep:
    """One model's training step, to be run while a function is traced; its sub-models are built."""

    def __init__(self, model: Any) -> None:
        self.model = model  # whose step it is
        # the metrics of the losses that optimizers make smaller
        self.optimised: tuple[str, ...] = ()
        # these losses; ``gradients``: by variable, of the first of them that moves it
        self.losses: list[Any] = []
        self.gradients: dict[int, Any] = {}
        self._given: dict[int, Any] = {}
        self._told: list[tuple[str, Any]] = []
        self._results: dict[Any, str] = {}
        self._slopes: Callable[[], Any] = lambda: None

    def run(self, data: Any, given: Sequence[Any]) -> None:
        """Run the step on a batch as ``fit`` gives it, with values of the model's weights."""
        variables = weights(self.model)
        self._given = {id(each): value for each, value in zip(variables, given, strict=True)}
        self._trained = [self._given[id(each)] for each in variables if each.trainable]
        step = getattr(self.model.train_step, "python_function", self.model.train_step)
        with _lock, _python_state_kept(self.model), _patched(), in_place_of(variables, given):
            _running.step = self
            try:
                logs = step(data)
            finally:
                _running.step = None
        self.optimised = self._names_of(logs if isinstance(logs, Mapping) else {})

    def compiled(self, trace: Callable[..., Any], specs: list[Any], signature: Any) -> Any:
        """A function of stages, and by it one of gradients; see ``Forward``.

        ``trace`` takes weights and rows, of these specs and signature, and runs the step.

        Raises:
            ChangesStateError: it cannot run without changing something.
        """
        import tensorflow as tf

        nest = tf.nest
        wanted = nest.flatten([specs, signature])
        kept: list[Any] = []

        def traced(*tensors: Any) -> Any:
            values, rows = nest.pack_sequence_as([specs, signature], tensors)
            kept.append(trace(values, rows))
            kept.append([*self.losses, *map(dense, self.gradients.values())])
            return [tf.identity(each) for each in nest.flatten(kept)]

        whole = tf.compat.v1.wrap_function(traced, wanted)
        inputs = whole.inputs[: len(wanted)]

        def only(outputs: Any) -> Callable[[Any, Any], Any]:
            flat = nest.flatten(outputs)
            function = whole.prune(inputs, flat)
            _check(function.graph)

            def run(values: Any, rows: Any) -> Any:
                return nest.pack_sequence_as(outputs, function(*nest.flatten([values, rows])))

            return run

        stages, slopes = kept
        # Cutting them out takes long, and most trainings have no time for gradients.
        self._slopes = functools.cache(lambda: only(slopes) if slopes else None)
        return only(stages)

    def slopes(self, values: Any, rows: Any) -> Slopes:
        """The loss, NaN where there are several, and gradients."""
        function = None
        with contextlib.suppress(ChangesStateError):
            function = self._slopes()
        if function is None:
            return Slopes(math.nan, 0.0, {}, {})
        found = function(values, rows)
        count = len(self.losses)
        loss = float(np.mean(found[0])) if count == 1 else math.nan
        gradients = zip(self.gradients, found[count:], strict=True)
        return Slopes(loss, 0.0, {each: np.asarray(one) for each, one in gradients}, {})

    def tensor_of(self, source: Any) -> Any:
        """What stands for a variable in this run."""
        return self._given.get(id(source), source)

    def watched(self) -> list[Any]:
        """The tensors in place of the variables that train."""
        return self._trained

    def applies(self, gradients: Any, variables: Any) -> None:
        """An optimizer was to apply gradients."""
        for gradient, variable in zip(gradients, variables or [], strict=False):
            if gradient is not None:
                self.gradients.setdefault(id(variable), gradient)

    def differentiates(self, target: Any) -> None:
        """A tape took the gradient of something by weights."""
        if all(key(each) != key(target) for each in self.losses):
            self.losses.append(target)

    def told(self, metric: Any, value: Any) -> None:
        """A metric got a value."""
        if load().ops.is_tensor(value):
            self._told.append((str(metric.name), value))

    def gave(self, metric: Any, result: Any) -> None:
        """A metric gave its result."""
        if load().ops.is_tensor(result):
            self._results[key(result)] = str(metric.name)

    def _names_of(self, logs: Mapping[str, Any]) -> tuple[str, ...]:
        """The logs that tell of a loss which was differentiated."""
        losses = {key(each): each for each in self.losses}
        names = {name for name, value in self._told if self._is_of(value, losses)}
        return tuple(
            str(name)
            for name, value in logs.items()
            if load().ops.is_tensor(value)
            and (self._results.get(key(value), name) in names or self._is_of(value, losses))
        )

    def _is_of(self, value: Any, losses: Mapping[Any, Any]) -> bool:
        if key(value) in losses:
            return True
        met, passed = traced_back(value, losses)
        if len(met) == 1 and set(passed) <= SCALING:
            return True
        back = [traced_back(each, {key(value): value}) for each in losses.values()]
        return any(met and set(passed) <= SCALED for met, passed in back)


def _check(graph: Any) -> None:
    """See that nothing in a graph, or in the functions that it calls, changes anything."""
    definition = graph.as_graph_def()
    functions = {each.signature.name: each.node_def for each in definition.library.function}
    waiting, seen = [definition.node], set[str]()
    while waiting:
        for node in waiting.pop():
            if CHANGES.search(node.op):
                raise ChangesStateError(Graph())
            for value in node.attr.values():
                for name in {value.func.name, *(each.name for each in value.list.func)}:
                    if name in functions and name not in seen:
                        seen.add(name)
                        waiting.append(functions[name])


# What stands in for Keras and TensorFlow while a step runs, in its thread alone.


class _Running(threading.local):
    step: TrainStep | None = None


_running = _Running()
_lock = threading.RLock()


def _enters(step: TrainStep, original: Any, tape: Any) -> Any:
    found = original(tape)
    for each in step.watched():
        tape.watch(each)
    return found


def _watches(step: TrainStep, original: Any, tape: Any, tensor: Any) -> Any:
    return original(tape, load().tree.map_structure(step.tensor_of, tensor))


def _differentiates(
    step: TrainStep, original: Any, tape: Any, target: Any, sources: Any, *more: Any, **named: Any
) -> Any:
    keras = load()
    by_weights = any(isinstance(each, keras.Variable) for each in keras.tree.flatten(sources))
    if by_weights and keras.ops.is_tensor(target):
        step.differentiates(target)
    own = keras.tree.map_structure(step.tensor_of, sources)
    return original(tape, target, own, *more, **named)


def _applies(
    step: TrainStep, _: Any, _optimizer: Any, grads: Any, variables: Any = None, **named: Any
) -> None:
    step.applies(grads, named.get("trainable_variables", variables))


def _is_told(
    step: TrainStep, original: Any, metric: Any, values: Any, *more: Any, **named: Any
) -> Any:
    step.told(metric, values)
    return original(metric, values, *more, **named)


def _gives(step: TrainStep, original: Any, metric: Any) -> Any:
    found = original(metric)
    step.gave(metric, found)
    return found


@contextlib.contextmanager
def _patched() -> Iterator[None]:
    import tensorflow as tf

    keras = load()
    replaced: list[tuple[Any, str, Any]] = [
        (tf.GradientTape, "__enter__", _enters),
        (tf.GradientTape, "watch", _watches),
        (tf.GradientTape, "gradient", _differentiates),
        (keras.metrics.Mean, "update_state", _is_told),
        (keras.metrics.Mean, "result", _gives),
        *(
            (kind, "apply", _applies)
            for kind in _kinds(keras.optimizers.Optimizer)
            if "apply" in vars(kind)
        ),
    ]
    with contextlib.ExitStack() as stack:
        for owner, name, instead in replaced:
            if name in vars(owner):
                stack.enter_context(_replaced(owner, name, instead))
        yield


def _kinds(kind: Any) -> set[Any]:
    """A class, what it derives from, and what derives from it."""
    below = [each for inner in kind.__subclasses__() for each in _kinds(inner)]
    return {*kind.__mro__, *below} - {object}


@contextlib.contextmanager
def _replaced(owner: Any, name: str, instead: Callable[..., Any]) -> Iterator[None]:
    original = vars(owner)[name]

    @functools.wraps(original)
    def ours(self: Any, *args: Any, **kwargs: Any) -> Any:
        step = _running.step
        if step is None:
            return original(self, *args, **kwargs)
        return instead(step, original, self, *args, **kwargs)

    setattr(owner, name, ours)
    try:
        yield
    finally:
        if vars(owner)[name] is ours:
            setattr(owner, name, original)


@contextlib.contextmanager
def _python_state_kept(model: Any) -> Iterator[None]:
    """A block after which attributes and their lists are as before, as are random numbers; what
    this thread prints in it is not shown."""
    owners = [(vars(each), dict(vars(each))) for each in internals.all_layers(model)]
    lists = {id(value): value for _, before in owners for value in before.values()}
    contents = [
        (each, each.copy()) for each in lists.values() if isinstance(each, list | dict | set)
    ]
    outputs = {name: _Silent(getattr(sys, name)) for name in ("stdout", "stderr")}
    for name, ours in outputs.items():
        setattr(sys, name, ours)
    try:
        with random_state_kept():
            yield
    finally:
        for name, ours in outputs.items():
            if getattr(sys, name) is ours:
                setattr(sys, name, ours.stream)
        for now, before in owners:
            for name in now.keys() - before.keys():
                del now[name]
            now.update(before)
        for each, content in contents:
            _put_back(each, content)


def _put_back(container: Any, before: Any) -> None:
    """Fill a list, dictionary or set as it was, past what its class does about that."""
    container = getattr(container, "__wrapped__", container)  # TensorFlow's, around a dictionary
    if isinstance(container, list):
        list.__setitem__(container, slice(None), before)
        return
    kind: Any = dict if isinstance(container, dict) else set
    kind.clear(container)
    kind.update(container, before)


class _Silent:
    """A stream that shows nothing of the thread that made it."""

    def __init__(self, stream: Any) -> None:
        self.stream, self._thread = stream, threading.get_ident()

    def write(self, text: str) -> int:
        """Write for another thread."""
        if threading.get_ident() == self._thread:
            return len(text)
        return int(self.stream.write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)
