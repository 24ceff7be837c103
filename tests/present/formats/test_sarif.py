"""Findings as SARIF 2.1.0: the shape that the standard asks for, and what stands in it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.rules import WRONG, broken, only, rule, silent
from tests.traces import HOSTILE

from pipetrace import Trace
from pipetrace.explain.findings.engine import CheckOptions, Report, check
from pipetrace.present.formats.sarif import check_as_sarif
from pipetrace.trace.measurement_table import Measurements

TEXT = {"type": "string", "minLength": 1}
INDEX = {"type": "integer", "minimum": 0}
BAG = {
    "type": "object",
    "properties": {"tags": {"type": "array", "items": TEXT, "uniqueItems": True}},
}


def form(required: str, **properties: Any) -> dict[str, Any]:
    """An object with these properties and no others."""
    return {
        "type": "object",
        "required": required.split(),
        "properties": properties,
        "additionalProperties": False,
    }


def many(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


LEVEL = {"enum": ["none", "note", "warning", "error"]}
MESSAGE = form("text", text=TEXT, markdown=TEXT)
ARTIFACT_LOCATION = form(
    "uri", uri={"type": "string", "format": "uri-reference", "pattern": "^[^ \\\\]+$"}, index=INDEX
)
RULE = form(
    "id",
    id=TEXT,
    name=TEXT,
    shortDescription=MESSAGE,
    fullDescription=MESSAGE,
    help=MESSAGE,
    defaultConfiguration=form("", level=LEVEL),
    properties=BAG,
)
LOCATION = form(
    "physicalLocation",
    physicalLocation=form(
        "artifactLocation region",
        artifactLocation=ARTIFACT_LOCATION,
        region=form("startLine", startLine={"type": "integer", "minimum": 1}),
    ),
    logicalLocations=many(
        form("name", name=TEXT, fullyQualifiedName=TEXT, kind=TEXT, decoratedName=TEXT)
    ),
)
RESULT = form(
    "message ruleId ruleIndex level locations partialFingerprints",
    ruleId=TEXT,
    ruleIndex=INDEX,
    kind={"const": "fail"},
    level=LEVEL,
    message=MESSAGE,
    locations=many(LOCATION),
    partialFingerprints={"type": "object", "additionalProperties": TEXT, "minProperties": 1},
    rank={"type": "number", "minimum": 0, "maximum": 100},
    properties=BAG,
)
INVOCATION = form(
    "executionSuccessful",
    executionSuccessful={"type": "boolean"},
    exitCode={"type": "integer"},
    toolExecutionNotifications=many(
        form(
            "message",
            level=LEVEL,
            message=MESSAGE,
            descriptor=form("id", id=TEXT),
            associatedRule=form("id index", id=TEXT, index=INDEX),
            locations=many(
                form(
                    "physicalLocation",
                    physicalLocation=form("artifactLocation", artifactLocation=ARTIFACT_LOCATION),
                )
            ),
        )
    ),
)
LOG = form(
    "version runs",
    **{"$schema": {"type": "string", "format": "uri"}},
    version={"const": "2.1.0"},
    runs=many(
        form(
            "tool",
            tool=form("driver", driver=form("name", name=TEXT, version=TEXT, rules=many(RULE))),
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            invocations=many(INVOCATION),
            artifacts=many(form("", location=ARTIFACT_LOCATION)),
            results=many(RESULT),
        )
    ),
)
"""What SARIF 2.1.0 asks of the objects that are used here: required properties, no unknown ones, and the values' forms."""


def log(checked: tuple[Report, ...]) -> dict[str, Any]:
    made = json.loads(check_as_sarif(checked, "1.2.3"))
    jsonschema.Draft202012Validator(LOG, format_checker=jsonschema.FormatChecker()).validate(made)
    (run,) = made["runs"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        for location in result["locations"]:
            place = location["physicalLocation"]["artifactLocation"]
            if "index" in place:
                assert run["artifacts"][place["index"]]["location"]["uri"] == place["uri"]
    return dict(run)


@pytest.fixture(autouse=True)
def _rules(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, *WRONG)


def test_a_result_has_its_rule_place_and_words(digits_trace: Trace) -> None:
    run = log((check(digits_trace, file="runs/a b.trace"),))
    assert (run["tool"]["driver"]["name"], run["tool"]["driver"]["version"]) == (
        "pipetrace",
        "1.2.3",
    )
    first, second = run["results"]
    assert (first["ruleId"], first["level"], second["ruleId"], second["level"]) == (
        "PT201",
        "error",
        "PT501",
        "warning",
    )
    place = first["locations"][0]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "runs/a%20b.trace"
    assert place["logicalLocations"][0]["fullyQualifiedName"] == digits_trace.stage("conv2d").path
    assert "logicalLocations" not in second["locations"][0]
    text = first["message"]["text"]
    assert text.startswith(
        "61 of 64 units give 0 for every row. (stage 3, Conv2D (conv2d), epochs 2 and 3)\n"
    )
    for each in (
        "PT201 measured 61 of 64.",
        "Why: Why PT201",
        "To do: Do something",
        "Root cause of: warning PT402 small",
    ):
        assert each in text
    assert first["properties"]["symptoms"] == ["PT402", "PT901"]
    assert first["properties"]["evidence"][0]["place"] == "stages[conv2d].summary.zeros"
    rules = run["tool"]["driver"]["rules"]
    assert [each["id"] for each in rules] == ["PT201", "PT402", "PT501", "PT901"]
    assert rules[0]["help"]["text"] == "What PT201 finds.\n\nWhy it matters: Why PT201 matters."
    assert run["invocations"] == [
        {"executionSuccessful": True, "exitCode": 1, "toolExecutionNotifications": []}
    ]


def test_a_rule_with_a_page_has_it_as_its_help(digits_trace: Trace) -> None:
    (given,) = log((check(digits_trace, CheckOptions(ignore=("PT",), expect=("epochs < 1",))),))[
        "tool"
    ]["driver"]["rules"]
    assert given["id"] == "PT001"
    assert given["help"]["markdown"].startswith("# PT001 expectation-not-met\n")
    assert "## When to ignore it" in given["help"]["markdown"]


def test_a_result_is_at_the_line_of_the_layer_or_of_fit(digits_trace: Trace) -> None:
    fits = tuple(replace(each, called_from="code/train.py:9") for each in digits_trace.run.fits)
    facts = replace(digits_trace.run, fits=fits, constructed_at={"conv2d": "code/my model.py:4"})
    run = log((check(replace(digits_trace, run=facts), CheckOptions(), "a.trace"),))
    places = {
        each["ruleId"]: (where["artifactLocation"]["uri"], where["region"]["startLine"])
        for each in run["results"]
        for where in [each["locations"][0]["physicalLocation"]]
    }
    assert places == {"PT201": ("code/my%20model.py", 4), "PT501": ("code/train.py", 9)}


def test_several_traces_are_artifacts_of_one_run(digits_trace: Trace, tmp_path: Path) -> None:
    files = "a.trace", str(tmp_path / "b.trace")
    run = log(tuple(check(digits_trace, CheckOptions(select=("PT5",)), file) for file in files))
    assert [each["location"]["uri"] for each in run["artifacts"]] == [
        "a.trace",
        (tmp_path / "b.trace").as_uri(),
    ]
    assert [
        each["locations"][0]["physicalLocation"]["artifactLocation"]["index"]
        for each in run["results"]
    ] == [0, 1]
    assert len(run["tool"]["driver"]["rules"]) == 1


def test_the_fingerprint_is_of_the_fault_and_its_place_alone(
    digits_trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fingerprint(**told: Any) -> str:
        only(monkeypatch, rule("PT201", "one", **told))
        (result,) = log((check(digits_trace, file="a"),))["results"]
        return str(result["partialFingerprints"])

    assert fingerprint(stage="conv2d", text="a.") == fingerprint(
        stage="conv2d", text="b.", epochs=(3,)
    )
    assert fingerprint(stage="conv2d") != fingerprint(stage="dense")


def test_a_rule_that_fails_is_a_notification(
    digits_trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, broken())
    (invocation,) = log((check(digits_trace, file="a"),))["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 2)
    (told,) = invocation["toolExecutionNotifications"]
    assert told["descriptor"]["id"] == "rule-failed"
    assert "PT998 not-written-well raised" in told["message"]["text"]


def test_a_rule_that_could_not_run_is_a_notification(
    digits_trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, *WRONG, silent(needs=("gradients",)))
    unmeasured = replace(digits_trace, measurements=Measurements())
    reports = [check(each, file=file) for each, file in ((unmeasured, "a"), (unmeasured, "b"))]
    (invocation,) = log(tuple(reports))["invocations"]
    told, other = invocation["toolExecutionNotifications"]
    places = [
        each["locations"][0]["physicalLocation"]["artifactLocation"] for each in (told, other)
    ]
    assert places == [{"uri": "a"}, {"uri": "b"}]
    assert (told["level"], told["descriptor"]["id"]) == ("warning", "rule-not-run")
    assert told["associatedRule"] == {"id": "PT999", "index": 4}
    assert "gradients" in told["message"]["text"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (True, 1)


def test_figures_that_are_not_finite_and_strange_names_keep_the_shape(
    digits_trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = rule("PT201", "one", stage=HOSTILE, text=HOSTILE, confidence=7.0)
    sound = kind.check

    def not_finite(self: Any, trace: Trace) -> Any:
        (found,) = sound(self, trace)
        yield replace(found, evidence=(replace(found.evidence[0], value=float("nan")),))

    kind.check = not_finite  # type: ignore[method-assign]
    only(monkeypatch, kind)
    (result,) = log((check(digits_trace, file=f"{HOSTILE}.trace"),))["results"]
    assert (result["rank"], result["properties"]["evidence"][0]["value"]) == (100, "NaN")


@pytest.mark.parametrize("gone", ["ruleId", "message", "locations"])
def test_a_shape_that_is_not_kept_is_seen(digits_trace: Trace, gone: str) -> None:
    made = json.loads(check_as_sarif((check(digits_trace, file="a"),), "1"))
    del made["runs"][0]["results"][0][gone]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(LOG).validate(made)
