"""Findings as SARIF 2.1.0, the exchange format of static analysis tools.

Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0", 2020.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipetrace.explain.findings.engine import NotRun, Report
from pipetrace.explain.findings.finding import Finding
from pipetrace.explain.findings.labels import in_a_line, line_of, when, where
from pipetrace.explain.findings.pages import page
from pipetrace.explain.findings.rule import Rule
from pipetrace.explain.formatting import listed
from pipetrace.present.build.findings import further
from pipetrace.present.formats.json import indented
from pipetrace.trace.document import Trace

VERSION = "2.1.0"
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def check_as_sarif(checked: Sequence[Report], version: str) -> str:
    """A check for services that show the results of tools: one run of the tool over all traces."""
    rules = {rule.code: rule for each in checked for rule in each.rules}
    places = {code: index for index, code in enumerate(rules)}
    failed = [error for each in checked for error in each.failed]
    made = {
        "$schema": SCHEMA,
        "version": VERSION,
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "pipetrace",
                        "version": version,
                        "rules": [_rule(rule) for rule in rules.values()],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "invocations": [
                    {
                        "executionSuccessful": not failed,
                        "exitCode": max((each.exit_code for each in checked), default=0),
                        "toolExecutionNotifications": [
                            {
                                "level": "error",
                                "descriptor": {"id": error.slug},
                                "message": {"text": str(error)},
                            }
                            for error in failed
                        ]
                        + [
                            _not_run(each, places[each.rule.code], report.file)
                            for report in checked
                            for each in report.not_run
                        ],
                    }
                ],
                "artifacts": [{"location": {"uri": _uri(each.file)}} for each in checked],
                "results": [
                    _result(each, found, places[found.code], index)
                    for index, each in enumerate(checked)
                    for found in each.findings
                ],
            }
        ],
    }
    return indented(made)


def _not_run(each: NotRun, rule: int, file: str) -> dict[str, Any]:
    return {
        "level": "warning",
        "descriptor": {"id": "rule-not-run"},
        "associatedRule": {"id": each.rule.code, "index": rule},
        "message": {
            "text": f"The rule {each.rule.code} did not run; not recorded: {listed(each.missing)}."
        },
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(file)}}}],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    written = page(rule.code)
    told = f"{rule.what}\n\nWhy it matters: {rule.why}"
    help_text = {"text": told}
    if written is not None:
        help_text["markdown"] = f"{written.made}\n\n{written.written}"
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.what},
        "fullDescription": {"text": told},
        "help": help_text,
        "defaultConfiguration": {"level": rule.level},
        "properties": {"category": rule.category, "tags": [rule.category]},
    }


def _result(checked: Report, found: Finding, rule: int, artifact: int) -> dict[str, Any]:
    explained = [
        f"Root cause of: {in_a_line(checked.trace, symptom)}" for symptom in found.symptoms
    ]
    place = ", ".join(
        part for part in (where(checked.trace, found.stage), when(found.epochs)) if part
    )
    said = [f"{found.text}{f' ({place})' if place else ''}", *further(found)]
    said += [f"Why: {found.why}", f"To do: {found.advice}", found.change, *explained]
    return {
        "ruleId": found.code,
        "ruleIndex": rule,
        "kind": "fail",
        "level": found.level,
        # "[text](address)" in a name would be a link.
        "message": {"text": "\n".join(part for part in said if part).replace("](", "] (")},
        "locations": [_location(checked, found, artifact)],
        # The same fault at the same place is the same result in the next run, whatever its figures.
        "partialFingerprints": {"pipetrace/v1": _fingerprint(found)},
        "rank": round(100 * min(1.0, max(0.0, found.confidence)), 1),
        "properties": {
            "category": found.category,
            "epochs": found.epochs,
            "confidence": found.confidence,
            "evidence": found.evidence,
            "symptoms": [symptom.code for symptom in found.symptoms],
        },
    }


def _location(checked: Report, found: Finding, artifact: int) -> dict[str, Any]:
    place = line_of(checked.trace, found)
    # A trace has no lines; readers of SARIF such as GitHub want one all the same.
    uri = (
        {"uri": _uri(checked.file), "index": artifact} if place is None else {"uri": _uri(place[0])}
    )
    region = {"startLine": 1 if place is None else place[1]}
    made: dict[str, Any] = {"physicalLocation": {"artifactLocation": uri, "region": region}}
    if found.stage:
        made["logicalLocations"] = [
            {
                "name": found.stage,
                "fullyQualifiedName": _path(checked.trace, found.stage),
                "kind": "member",
                "decoratedName": where(checked.trace, found.stage),
            }
        ]
    return made


def _path(trace: Trace, name: str) -> str:
    return next((stage.path for stage in trace.stages if stage.name == name), name)


def _uri(file: str) -> str:
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _fingerprint(found: Finding) -> str:
    return hashlib.sha256(f"{found.code} {found.stage or ''}".encode()).hexdigest()[:32]
