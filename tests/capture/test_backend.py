import os
import subprocess
import sys
import textwrap
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pipetrace.capture import backend
from pipetrace.errors import FrameworkError

pytestmark = pytest.mark.framework


def fresh(
    script: str, path: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a script in a new process, with a folder put before all others on its path."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("TF_", "KERAS_"))
    }
    environment.update(variables)
    if path is not None:
        environment["PYTHONPATH"] = os.pathsep.join(
            [str(path), *filter(None, [os.environ.get("PYTHONPATH")])]
        )
    command = [sys.executable, "-c", textwrap.dedent(script)]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment, timeout=120
    )


LOAD = """
    from pipetrace.capture import backend
    from pipetrace.errors import FrameworkError
    try:
        backend.load_quietly()
    except FrameworkError as error:
        print(error.what, error.where, error.hint, sep="\\n")
"""


def test_loading_building_and_running_say_nothing() -> None:
    ended = fresh("""
        import sys, numpy
        from pipetrace.capture import backend
        from pipetrace.capture.forward import Forward
        from pipetrace.demo.model import MODEL, training
        assert "tensorflow" not in sys.modules and "keras" not in sys.modules
        assert backend.load_quietly() is backend.load() is sys.modules["keras"]
        backend.set_seed(0)
        model = backend.build(MODEL, training(0.001))
        rows = numpy.ones((2, 28, 28, 1), "float32")
        forward = Forward(model, rows, [("scale", 0)])
        outputs = forward(rows)
        assert outputs["dense"].shape == (2, 10)
        print("done")
    """)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")


def test_only_the_first_import_of_our_own_process_redirects_standard_error(tmp_path: Path) -> None:
    """What TensorFlow writes in the process of a program belongs to the program."""
    for module in ("tensorflow", "keras"):
        note = f'import os\nos.write(2, b"{module} ")\n'
        if module == "keras":
            note += "class backend:\n    backend = staticmethod(lambda: 'tensorflow')\n"
        (tmp_path / f"{module}.py").write_text(note)
    load = "from pipetrace.capture import backend; backend.load"
    assert fresh(f"{load}_quietly()", tmp_path).stderr == ""
    assert fresh(f"import tensorflow; {load}_quietly()", tmp_path).stderr == "tensorflow keras "
    assert fresh(f"{load}()", tmp_path).stderr == "tensorflow keras "


@pytest.mark.parametrize("missing", ["tensorflow", "keras"])
def test_a_missing_framework(missing: str) -> None:
    blocked = f"""
    import sys, types
    class Blocker:
        def find_spec(self, name, path=None, target=None):
            if name == "{missing}":
                raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
    sys.meta_path.insert(0, Blocker())
    if "{missing}" == "keras":
        sys.modules["tensorflow"] = types.ModuleType("tensorflow")  # the real one takes seconds
    """
    ended = fresh(textwrap.dedent(blocked) + textwrap.dedent(LOAD))
    assert ended.returncode == 0, ended.stderr
    what, _, hint = ended.stdout.splitlines()
    assert what == f"{missing} is not installed; training needs it."
    assert 'pip install "pipetrace[tensorflow]"' in hint


def test_a_framework_that_does_not_start_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text(
        'import os\nos.write(2, b"needs AVX")\nraise ImportError("cannot load the library\\nmore lines")\n'
    )
    ended = fresh(LOAD, tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    what, _, hint = ended.stdout.splitlines()
    assert "does not start: ImportError: cannot load the library." in what
    assert "needs AVX" in what
    assert "python -c 'import keras'" in hint


def test_a_framework_that_lacks_a_part_of_its_own_is_not_called_missing(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text("import a_part_of_its_own\n")
    ended = fresh(LOAD, tmp_path)
    assert (
        "does not start: ModuleNotFoundError: No module named 'a_part_of_its_own'" in ended.stdout
    )


def test_another_backend_is_refused_before_it_is_imported(tmp_path: Path) -> None:
    # It need not be installed; without this Keras would say that openvino is missing.
    for module in ("tensorflow", "keras", "openvino"):
        (tmp_path / f"{module}.py").write_text("raise ImportError('imported after all')\n")
    ended = fresh(LOAD, tmp_path, KERAS_BACKEND="openvino")
    assert ended.returncode == 0, ended.stderr
    what, where, hint = ended.stdout.splitlines()
    assert what.startswith("Keras runs on openvino here")
    assert "KERAS_BACKEND" in where
    assert "KERAS_BACKEND=tensorflow" in hint


def test_another_backend_that_is_loaded_already_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        sys.modules, "keras", SimpleNamespace(backend=SimpleNamespace(backend=lambda: "openvino"))
    )
    with pytest.raises(FrameworkError, match="Keras runs on openvino here"):
        backend.load()


def test_versions_are_those_that_are_installed() -> None:
    found = backend.versions()
    assert {"python", "keras", "tensorflow", "numpy"} <= set(found)
    assert (found["keras"], found["numpy"]) == (version("keras"), np.__version__)
    assert found["tensorflow"] == __import__("tensorflow").__version__
