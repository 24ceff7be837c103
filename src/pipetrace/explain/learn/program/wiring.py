"""How the layers of a model are wired, as its Keras configuration has it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from pipetrace.explain.learn.program.text import snake
from pipetrace.trace.document import Stage

Node: TypeAlias = tuple[str, int]
"""A call of a layer: its name, and which of its calls it is."""
Layer: TypeAlias = Mapping[str, Any]
MODELS = ("Sequential", "Functional")


def name_of(layer: Layer) -> str:
    """The name of a layer."""
    return str(layer.get("name") or layer["config"].get("name") or snake(layer["class_name"]))


def unfrozen(layer: Layer) -> Layer:
    """A layer without being frozen, which the model around it is as a whole."""
    config = {key: each for key, each in layer["config"].items() if key != "trainable"}
    if layer["class_name"] in MODELS:
        config["layers"] = [unfrozen(each) for each in config["layers"]]
    return {**layer, "config": config}


def places_of(given: Any) -> Any:
    """The ends of a model; of one that stands in a list alone, this one."""
    is_lone = isinstance(given, list) and len(given) == 1 and isinstance(given[0], list)
    return given[0] if is_lone else given


def ends_of(places: Any) -> list[Any]:
    """The inputs or the outputs one by one."""
    if isinstance(places, Mapping):
        return [each for value in places.values() for each in ends_of(value)]
    if places and isinstance(places[0], str):
        return [places]
    return [each for value in places for each in ends_of(value)]


def parts_of(layer: Layer, stage: Stage | None) -> Sequence[Any] | None:
    """The keys or the numbers of a call's results where there are several; None for one."""
    if layer["class_name"] in MODELS:
        ends = places_of(layer["config"].get("output_layers", ["", 0, 0]))
        if isinstance(ends, Mapping):
            return sorted(ends)
        return None if isinstance(ends[0], str) else range(len(ends))
    outputs = [each for each in stage.outputs if each.name != "attention"] if stage else []
    if len(outputs) > 1 or layer["config"].get("return_state"):
        keys = [place if each.name is None else each.name for place, each in enumerate(outputs)]
        return keys if len(keys) > 1 else range(2)
    return None


def slice_of(config: Mapping[str, Any]) -> str:
    """A slice as it stands in brackets."""
    start, stop, step = (
        "" if config[key] is None else str(int(config[key])) for key in ("start", "stop", "step")
    )
    return f"{start}:{stop}" + (f":{step}" if step else "")


def calls_in(value: Any) -> Iterator[Node]:
    """The calls that the tensors in a structure come from."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            name, index, _ = value["config"]["keras_history"]
            yield str(name), int(index)
            return
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from calls_in(each)


def in_order(layers: Mapping[str, Layer], ranks: Mapping[str, int]) -> Iterator[Node]:
    """The calls of a model in the order in which its layers were made, as far as that is known,
    each after those that it takes its tensors from."""
    places = {name: place for place, name in enumerate(layers)}
    needs = {
        (name, index): set(calls_in(node))
        for name, layer in layers.items()
        for index, node in enumerate(layer["inbound_nodes"] or [{}])
    }
    done: dict[Node, int] = {}
    while waiting := [each for each in needs if each not in done]:
        ready = [each for each in waiting if needs[each] <= set(done)]
        if not ready:
            raise ValueError("a model whose calls wait for each other")
        after = {each: max((done[one] for one in needs[each]), default=-1) for each in ready}
        rank = {each: max(ranks.get(each[0], -1), after[each]) for each in ready}
        first = min(ready, key=lambda each: (rank[each], places[each[0]], each[1]))
        done[first] = rank[first]
        yield first
