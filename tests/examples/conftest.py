"""Every test with an argument ``name`` is run for every example."""

import os
from types import ModuleType

import pytest
from tests.examples.gallery import NAMES, load

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", NAMES)


@pytest.fixture
def example(name: str) -> ModuleType:
    """The example's module."""
    return load(name)
