"""An ONNX model, run by onnxruntime, with the values between its layers.

onnxruntime gives the outputs of the graph only. An ONNX file is a protocol buffer, whose parts may
be repeated: further outputs are appended to its bytes. Names of nodes are read from the same bytes,
so that nothing but NumPy and onnxruntime is needed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipetrace.errors import ModelFileError, library
from pipetrace.trace.document import Array

GRAPH, NODE, OUTPUT = 7, 1, 12
"""Fields: the graph of a model, a node and an output of a graph."""
NODE_OUTPUT, NODE_NAME = 2, 3
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""How a value of a protocol buffer is written."""


@dataclass(frozen=True)
class OnnxNode:
    """An operation: its name, such as ``sequential/conv2d/Relu``, and the names of its outputs."""

    name: str
    outputs: tuple[str, ...]


class OnnxModel:
    """A model of an ONNX file with the weights in it; its ``nodes`` are in the order of execution.

    A ``ModelFileError`` where there is none, a ``MissingLibraryError`` without onnxruntime.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._content = path.read_bytes()
            self.nodes = tuple(_nodes(self._content))
        except OSError as error:
            raise self._refused(f"{error.strerror}.") from error
        except (ValueError, IndexError) as error:
            raise self._refused("It is not an ONNX model.") from error
        self._library = library("onnxruntime", "An ONNX model is run by", str(path), "onnx")

    def run(
        self, inputs: Mapping[str, Array], wanted: Sequence[str] = ()
    ) -> tuple[list[Array], dict[str, Array]]:
        """The model's outputs, and ``wanted`` values between its layers.

        Rows are given by the names of the inputs, or in their order where no name fits.

        Raises:
            ModelFileError: onnxruntime refuses the model or the rows.
        """
        options = self._library.SessionOptions()
        # Otherwise layers are joined, and what is between them is never computed.
        options.graph_optimization_level = self._library.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        more = b"".join(_field(OUTPUT, _field(1, name.encode())) for name in wanted)
        try:
            session = self._library.InferenceSession(
                self._content + _field(GRAPH, more),
                options,
                providers=["CPUExecutionProvider"],
            )
            names = [each.name for each in session.get_inputs()]
            if set(names) != set(inputs):
                inputs = dict(zip(names, inputs.values(), strict=True))
            found = session.run(None, dict(inputs))
        except Exception as error:
            text = " ".join(str(error).split())[:300].rstrip(".")
            raise self._refused(f"onnxruntime cannot run it on the run's rows: {text}.") from error
        own = len(found) - len(wanted)
        return found[:own], dict(zip(wanted, found[own:], strict=True))

    def _refused(self, what: str) -> ModelFileError:
        return ModelFileError(
            what,
            where=str(self._path),
            hint="Give a file that model.export('model.onnx', format='onnx') wrote.",
        )


def _nodes(content: bytes) -> Iterator[OnnxNode]:
    found = False
    for number, graph in _fields(content):
        if number != GRAPH:
            continue
        for of_graph, value in _fields(graph):
            if of_graph == NODE:
                parts = list(_fields(value))
                name = next((text.decode() for at, text in parts if at == NODE_NAME), "")
                outputs = tuple(text.decode() for at, text in parts if at == NODE_OUTPUT)
                found = True
                yield OnnxNode(name, outputs)
    if not found:
        raise ValueError("it has no node")


def _fields(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of a message that have a length, by their numbers; others are skipped."""
    view, at = memoryview(content), 0
    while at < len(view):
        key, at = _varint(view, at)
        kind = key & 7
        if kind == BYTES:
            length, at = _varint(view, at)
            if at + length > len(view):
                raise ValueError("it ends within a field")
            yield key >> 3, bytes(view[at : at + length])
            at += length
        elif kind == VARINT:
            _, at = _varint(view, at)
        elif kind in (FIXED32, FIXED64):
            at += 4 if kind == FIXED32 else 8
        else:
            raise ValueError("it has a field of no known kind")


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = shift = 0
    while shift < 70:
        byte = content[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
    raise ValueError("a number is too long")


def _field(number: int, content: bytes) -> bytes:
    """A field with a length, as bytes."""
    return _number(number << 3 | BYTES) + _number(len(content)) + content


def _number(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])
