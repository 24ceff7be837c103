"""A check as a JUnit report, which CI services show as tests: a suite a trace, a case a rule.

Source: the schema of Jenkins' xUnit plugin, ``junit-10.xsd``; errors are rules that raised one.
"""

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element

from pipetrace.explain.findings.engine import Report
from pipetrace.explain.findings.finding import Finding, flat
from pipetrace.explain.findings.labels import in_a_line
from pipetrace.explain.formatting import listed
from pipetrace.present.formats.xml import document, element, text


def junit(checked: Sequence[Report], version: str) -> str:  # noqa: ARG001 as the others
    """A test case for each rule: failed with its findings, skipped where it could not run."""
    return document(element("testsuites", *map(_suite, checked), name="pipetrace"))


def _suite(report: Report) -> Element:
    cases = [*_cases(report)]
    counts = {
        tag: str(sum(each.find(kind) is not None for each in cases))
        for tag, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
    }
    return element(
        "testsuite",
        *cases,
        name=report.file or report.trace.run.title,
        tests=str(len(cases)),
        timestamp=report.trace.run.created[:19],
        **counts,
    )


def _cases(report: Report) -> Iterator[Element]:
    found = [*flat(report.findings)]
    for rule in report.ran:
        own = [each for each in found if each.code == rule.code]
        yield _case(rule.code, rule.name, report, *(_failure(report, each) for each in own))
    for unrun in report.not_run:
        said = f"not recorded: {listed(unrun.missing)}"
        skipped = element("skipped", message=said)
        yield _case(unrun.rule.code, unrun.rule.name, report, skipped)
    for error in report.failed:
        failed = element("error", str(error), message=error.what, type=error.slug)
        yield _case(error.slug, error.where or "", report, failed)


def _case(code: str, name: str, report: Report, *results: Element) -> Element:
    where = report.trace.run.title or "pipetrace"
    return element("testcase", *results, classname=where, name=f"{code} {name}".strip())


def _failure(report: Report, found: Finding) -> Element:
    # No line begins with a name, which a log of GitHub might take for a command.
    lines = [f"Finding: {in_a_line(report.trace, found)}"]
    lines += [f"Evidence: {each.text}" for each in found.evidence]
    lines += [f"Why: {found.why}", f"To do: {found.advice}"]
    lines += [f"Change: {found.change}"] if found.change else []
    made = element("failure", message=found.text, type=found.level)
    made.text = text("\n".join(lines), kept="\n")
    return made
