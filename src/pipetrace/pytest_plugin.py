"""The pytest fixture ``pipetrace_check``. What it needs is imported when a test uses it."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pipetrace.explain.findings.finding import Findings

Check = Callable[..., "Findings"]


@pytest.fixture
def pipetrace_check(request: pytest.FixtureRequest) -> Check:
    """Fails a test by what ``pipetrace check`` finds in a trace.

        def test_training(tmp_path, pipetrace_check):
            model.fit(x, y, callbacks=[pipetrace.Recorder(tmp_path / "run.trace")])
            pipetrace_check(tmp_path / "run.trace", expect=["val_accuracy >= 0.9"])

    It takes a trace or its path, and as keywords the options of the command: ``select``,
    ``ignore``, ``level``, ``expect``, ``baseline`` (a trace or its path), ``tolerance``. The table
    ``[tool.pipetrace]`` of the project's pyproject.toml gives those that are left out. It returns
    the findings below the level, which do not fail the test.
    """
    folder = request.config.rootpath

    def check(trace: Any, **options: Any) -> "Findings":
        __tracebackhide__ = True
        from pipetrace.comparison.baseline import check_options
        from pipetrace.config import config
        from pipetrace.explain.findings.engine import check as check_trace
        from pipetrace.explain.findings.finding import Findings
        from pipetrace.present.formats import check_as_text
        from pipetrace.trace import opened

        given = {**vars(config(folder)), **options}
        for name in ("select", "ignore", "expect"):
            if isinstance(given.get(name), list):
                given[name] = tuple(given[name])
        name = os.fspath(trace) if isinstance(trace, (str, os.PathLike)) else "the trace"
        report = check_trace(opened(trace), check_options(given), name)
        if report.exit_code:
            pytest.fail(check_as_text((report,), ""), pytrace=False)
        return Findings(report.hidden)

    return check
