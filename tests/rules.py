"""Rules for tests: what they find is said when they are made, so that a test knows what has to be shown."""

from collections.abc import Iterator
from typing import Any

import pytest

from pipetrace import Evidence, Finding, Rule, Trace
from pipetrace.explain.findings import selection
from pipetrace.explain.findings.needs import Need


def rule(
    code: str,
    name: str,
    *,
    level: str = "warning",
    root_cause_of: tuple[str, ...] = (),
    needs: tuple[Need, ...] = (),
    text: str = "",
    **found: Any,
) -> type[Rule]:
    """A rule that finds one thing in every trace; ``found`` says where, and how sure it is."""

    class Made(Rule):
        """Finds what it was made to find."""

        what = f"What {code} finds."
        why = f"Why {code} matters."
        category = name.replace("-", "_")

        def check(self, trace: Trace) -> Iterator[Finding]:
            evidence = (Evidence(f"{code} measured 61 of 64.", 61, "stages[conv2d].summary.zeros"),)
            told = text or f"{code} is wrong."
            change = f'Dense(64, "{name}")\n→ Dense(64)' if level == "error" else ""
            yield self.found(told, evidence, f"Do something about {code}.", change=change, **found)

    Made.code, Made.name, Made.level = code, name, level
    Made.root_cause_of, Made.needs = root_cause_of, needs
    Made.__module__ = "pipetrace.made"
    Made.__qualname__ = name.title().replace("-", "")
    return Made


def silent(code: str = "PT999", needs: tuple[Need, ...] = ()) -> type[Rule]:
    """A rule that never finds anything."""
    kind = rule(code, "nothing-at-all", needs=needs)
    kind.check = lambda self, trace: iter(())  # type: ignore[method-assign]
    return kind


def broken(code: str = "PT998") -> type[Rule]:
    """A rule that raises."""

    def check(self: Rule, trace: Trace) -> Iterator[Finding]:
        raise ZeroDivisionError("division by zero")

    kind = rule(code, "not-written-well")
    kind.check = check  # type: ignore[method-assign]
    return kind


WRONG = (
    rule(
        "PT201",
        "dying-units",
        level="error",
        stage="conv2d",
        epochs=(2, 3),
        root_cause_of=("PT402", "PT901"),
        text="61 of 64 units give 0 for every row.",
    ),
    rule(
        "PT402",
        "small-steps",
        stage="dense",
        epochs=(3,),
        text="Updates are 0.00001 of the weights.",
        confidence=0.8,
    ),
    rule("PT501", "falls-still", epochs=(1,), text="The loss fell by 9 % in the last epoch."),
    rule("PT901", "worth-knowing", level="note", text="There are few rows."),
)
"""An error with two symptoms, a warning, at two stages and in three epochs."""


def only(monkeypatch: pytest.MonkeyPatch, *kinds: type[Rule]) -> None:
    """Make these all the rules that there are."""
    monkeypatch.setattr(selection, "all_rules", lambda: tuple(kind() for kind in kinds))
