"""What is shown is tested without the rules of pipetrace, so that a new rule changes no test of this folder."""

from collections.abc import Iterator

import pytest

from pipetrace.explain.findings import selection


@pytest.fixture(scope="module", autouse=True)
def _without_rules() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "all_rules", lambda: ())
        yield
