"""What leaves Python: the declarations and the schema follow the records, and no value changes on the way."""

import base64
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from tests.traces import HOSTILE, broken, killed, renamed
from tools.make_declarations import declarations, json_schema, records, typescript

from pipetrace.present.build.document import document
from pipetrace.present.formats.json import encode, pieces, to_json
from pipetrace.present.views import Document
from pipetrace.trace import Trace
from pipetrace.trace.document import Array, Ending, Run

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class _Odd:
    """A record that cannot be written."""

    value: bytes


@pytest.fixture(scope="module")
def schema() -> Any:
    return json.loads((ROOT / "docs" / "trace.schema.json").read_text(encoding="utf-8"))


def validate(trace: Trace, schema: Any) -> Any:
    exported = json.loads(
        to_json(trace), parse_constant=lambda name: pytest.fail(f"{name} is not JSON")
    )
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(exported)
    return exported


def decoded(tensor: Any) -> Array:
    data = base64.b64decode(tensor["base64"], validate=True)
    return np.frombuffer(data, np.dtype(tensor["dtype"]).newbyteorder("<")).reshape(tensor["shape"])


def bits(values: Array) -> bytes:
    """The bytes of an array, little-endian, so that equal means equal in every bit and -0 is not 0."""
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).tobytes()


def test_the_made_files_are_what_the_tool_makes() -> None:
    made = dict(declarations())
    assert {path.relative_to(ROOT).as_posix() for path in made} == {
        "src/pipetrace/present/viewer/document.d.ts",
        "docs/trace.schema.json",
    }
    for path, text in made.items():
        assert path.read_text(encoding="utf-8") == text, (
            f"run: python tools/make_declarations.py  ({path.name})"
        )


def test_an_exported_trace_keeps_to_the_schema(digits_trace: Trace, schema: Any) -> None:
    exported = validate(digits_trace, schema)
    assert [stage["name"] for stage in exported["stages"]] == [
        stage.name for stage in digits_trace.stages
    ]
    assert exported["rows"] == digits_trace.rows


@pytest.mark.parametrize("epochs", [0, 1, 2])
def test_a_trace_cut_short_keeps_to_the_schema(
    digits_trace: Trace, schema: Any, epochs: int
) -> None:
    assert len(validate(killed(digits_trace, epochs), schema)["epochs"]) == epochs


def test_names_of_any_characters_keep_to_the_schema(digits_trace: Trace, schema: Any) -> None:
    assert validate(renamed(digits_trace, HOSTILE), schema)["run"]["title"] == HOSTILE


def test_what_is_not_finite_is_written_as_a_word_and_never_as_null(
    digits_trace: Trace, schema: Any
) -> None:
    exported = validate(broken(digits_trace), schema)
    assert [epoch["metrics"]["loss"] for epoch in exported["epochs"]][1:] == ["Infinity", "NaN"]
    assert [epoch["metrics"]["val_loss"] for epoch in exported["epochs"]][1:] == [
        "-Infinity",
        "NaN",
    ]
    assert None not in [
        value for epoch in exported["epochs"] for value in epoch["metrics"].values()
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda exported: exported.pop("ending"),
        lambda exported: exported.update(other=1),
        lambda exported: exported["epochs"][0]["metrics"].update(loss=None),
        lambda exported: exported["epochs"][0]["metrics"].update(loss="nan"),
        lambda exported: exported["stages"][0].update(name=3),
        lambda exported: exported["weights"]["dense/bias"].update(shape=[-1]),
    ],
    ids=["missing", "unknown", "null", "other-word", "number-for-text", "negative-length"],
)
def test_the_schema_refuses_what_is_no_trace(digits_trace: Trace, schema: Any, change: Any) -> None:
    exported = json.loads(to_json(digits_trace))
    change(exported)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(exported)


def test_every_tensor_comes_back_bit_for_bit(digits_trace: Trace) -> None:
    exported = json.loads(to_json(digits_trace))
    pairs = [(digits_trace.weights[name], tensor) for name, tensor in exported["weights"].items()]
    outputs = digits_trace.predictions[0].outputs
    pairs += [
        (outputs[name], tensor) for name, tensor in exported["predictions"][0]["outputs"].items()
    ]
    for stage, written in zip(digits_trace.stages, exported["stages"], strict=True):
        assert stage.example is not None
        assert stage.summary is not None
        pairs.append((stage.example, written["example"]))
        pairs.append((stage.summary.histogram.counts, written["summary"]["histogram"]["counts"]))
    assert len(pairs) > 15
    for original, tensor in pairs:
        back = decoded(tensor)
        assert back.dtype == original.dtype
        assert back.shape == original.shape
        assert bits(back) == bits(original)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float32", "float64", ">f4", ">i2"])
def test_a_tensor_of_any_kind_comes_back(dtype: str) -> None:
    values = np.arange(24).reshape(2, 3, 4).astype(dtype).transpose(2, 0, 1)
    back = decoded(encode(values))
    assert back.dtype.name == values.dtype.name
    np.testing.assert_array_equal(back, values)


def test_odd_floats_come_back_bit_for_bit() -> None:
    patterns = np.array(
        [0x7FC00001, 0xFFC12345, 0x7F800000, 0xFF800000, 0x80000000, 1, 0x007FFFFF], np.uint32
    )
    assert bits(decoded(encode(patterns.view(np.float32)))) == bits(patterns)


def test_the_view_of_a_broken_run_still_is_json(digits_trace: Trace) -> None:
    made = document(broken(digits_trace))
    assert json.loads(to_json(made))["training"]["rows"][2]["exact"][1] == "nan"
    assert math.isnan(broken(digits_trace).epochs[2].metrics["loss"])


def test_a_number_that_json_cannot_hold_is_never_written() -> None:
    assert json.loads(to_json((math.nan, math.inf, -math.inf, 0.1))) == [
        "NaN",
        "Infinity",
        "-Infinity",
        0.1,
    ]


def test_declarations_name_every_record_once() -> None:
    text = typescript(Document)
    names = [record.__name__ for record in records(Document)]
    assert len(set(names)) == len(names)
    for name in names:
        assert text.count(f"export interface {name} {{") == 1
    assert "y: number | null;" in text
    assert "stages: StageView[];" in text
    assert "shape: [number, number, number];" in text


def test_a_record_without_a_form_is_refused() -> None:
    with pytest.raises(TypeError, match="no form on the wire"):
        json_schema(_Odd, "odd")
    with pytest.raises(TypeError, match="no form on the wire"):
        typescript(_Odd)


def test_the_schema_names_the_versions_of_a_run() -> None:
    made = json_schema(Run, "run")
    assert made["$defs"]["Run"]["properties"]["versions"] == {
        "type": "object",
        "additionalProperties": {"type": "string"},
    }
    assert json_schema(Ending, "ending")["$defs"]["Ending"]["required"] == [
        "kind",
        "error",
        "stage",
        "epoch",
        "step",
        "rule",
    ]


def test_a_trace_is_written_in_small_pieces(digits_trace: Trace) -> None:
    made = [*pieces(digits_trace)]
    text = "".join(made)
    assert json.loads(text) == json.loads(to_json(digits_trace))
    assert max(map(len, made)) < len(text) / 4
    odd: tuple[Any, ...] = ({}, [], {"a": []}, 1, "a")
    assert all(json.loads("".join(pieces(each))) == each for each in odd)
