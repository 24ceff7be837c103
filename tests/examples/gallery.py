"""The examples, loaded from their folder by path, and trained as their ``main`` trains them."""

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

EXAMPLES = Path(__file__).parents[2] / "examples"
PROGRAMS = EXAMPLES / "programs"
"""Whole programs, which do not mention pipetrace."""
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py") if not path.stem.startswith("_"))
WATCHED = ("gan", "generator_input", "tf_data")
"""Those that are recorded by ``watch``; their rows are shuffled or shifted on their way."""


LOOPS = ("own_loop",)
"""Those that train in a loop of their own, without ``fit``."""
FITTED = [name for name in NAMES if name not in LOOPS]


def load(name: str) -> ModuleType:
    """The example as a module; what it imports from beside itself is found, as when it is run."""
    known = sys.modules.get(f"example_{name}")
    if known is not None:
        return known
    if str(EXAMPLES) not in sys.path:
        sys.path.append(str(EXAMPLES))
    specification = importlib.util.spec_from_file_location(
        f"example_{name}", EXAMPLES / f"{name}.py"
    )
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    sys.modules[f"example_{name}"] = module
    return module


def fit(
    example: ModuleType,
    model: Any,
    count: int,
    callbacks: Sequence[Any] = (),
    *,
    epochs: int = 1,
    validation: float = 0.25,
) -> Any:
    """Train the example's model on ``count`` of its rows; the history of ``fit``."""
    options = {"epochs": epochs, "callbacks": [*callbacks], "verbose": 0}
    if hasattr(example, "dataset"):
        return model.fit(example.dataset(count), shuffle=False, **options)
    x, y = example.rows(count)
    return model.fit(x, y, validation_split=validation, **options)
