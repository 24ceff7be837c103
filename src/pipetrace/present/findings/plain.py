"""Findings as plain text."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from pipetrace.present.views import FindingsView, FindingView, Mark

Wrapped: TypeAlias = Callable[..., list[str]]
"""Cuts a text into lines, with so many spaces before each."""


def findings(view: FindingsView, wrapped: Wrapped) -> Iterator[str]:
    """What was found, numbered, each with its evidence and what to do."""
    yield from wrapped(f"{view.title}.")
    for number, each in enumerate(view.found, 1):
        yield ""
        yield from finding(each, wrapped, number)
    if view.failed:
        yield ""
    for text in view.failed:
        yield from wrapped(text)


def finding(view: FindingView, wrapped: Wrapped, number: int | None = None) -> Iterator[str]:
    """One finding, and in short its symptoms."""
    before = f"{number}. " if number else ""
    yield from wrapped(f"{before}{heading(view)}")
    yield from wrapped(view.text, 3)
    if view.evidence:
        yield from wrapped(f"Evidence: {' '.join(view.evidence)}", 3)
    yield from wrapped(f"Why: {view.why}", 3)
    yield from wrapped(f"To do: {view.advice}", 3)
    yield from (f"      {line}".rstrip() for line in view.change.splitlines())
    if view.sure:
        yield from wrapped(f"How sure: {view.sure}.", 3)
    for symptom in view.symptoms:
        yield from wrapped(f"Root cause of: {heading(symptom)}. {symptom.text}", 3)


def heading(view: FindingView) -> str:
    """Level, rule and places."""
    places = ", ".join(link.text for link in view.places)
    return f"{view.level.capitalize()} {view.rule}{f', {places}' if places else ''}"


def marks(found: Sequence[Mark], wrapped: Wrapped, indent: int) -> Iterator[str]:
    """What was found at a place."""
    for mark in found:
        yield from wrapped(f"{mark.level.capitalize()} {mark.rule}: {mark.text}", indent)
