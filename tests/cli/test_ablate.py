"""``pipetrace ablate``: its options, before and after the source, and what it says."""

from pathlib import Path

from tests.cli.conftest import Run, is_message

from pipetrace.ablate.changes import offered
from pipetrace.trace import Trace
from pipetrace.trace.training import Ablation
from pipetrace.trace.writer import store_ablations


def test_the_changes_of_a_trace_are_listed(
    run: Run, digits_file: Path, digits_trace: Trace
) -> None:
    for arguments in (("--list", digits_file), (digits_file, "--list")):
        ran = run("ablate", *arguments)
        assert ran.code == 0
        codes = [line.partition(":")[0] for line in ran.out.splitlines()]
        assert codes == list(offered(digits_trace))
    assert "no_pooling: max_pooling2d" in ran.out.splitlines()


def test_what_is_wrong_is_said(run: Run, digits_file: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    program = tmp_path / "train.py"
    program.touch()
    for slug, *arguments in (
        ("trace-not-found", tmp_path / "none.trace"),
        ("bad-argument", tmp_path / "none.py"),
        ("output-exists", "-o", tmp_path / "full", digits_file),
        ("output-exists", "-o", tmp_path / "full", program, "--epochs", "2"),
    ):
        ran = run("ablate", *arguments)
        assert ran.code == 2
        assert is_message(ran, slug), slug
    assert run("ablate", "--list", program).code == 2
    assert run("ablate", digits_file, "--epochs", "2").code == 2


def test_an_option_that_goes_to_the_program_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    program = tmp_path / "train.py"
    program.touch()
    for arguments, said in ((["--into=a.trace", "--jobs", "2"], 2), (["--epochs", "2"], 0)):
        ran = run("ablate", "-o", tmp_path, program, *arguments)
        assert ran.code == 2
        assert sum(name in ran.err for name in ("--into", "--jobs")) == said
        assert ("Note: " in ran.err) == bool(said)


def test_show_prints_the_ablations(run: Run, digits_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.trace"
    path.write_bytes(digits_file.read_bytes())
    made = [Ablation("none", seed, "finished", 3, {"val_accuracy": 0.9}, 410) for seed in (1, 2, 3)]
    store_ablations(
        path, [*made, Ablation("no_pooling", 1, "finished", 3, {"val_accuracy": 0.5}, 999)]
    )
    for form in ("--plain", "--markdown"):
        said = run("show", form, path).out
        (line,) = [each for each in said.splitlines() if "Without pooling" in each]
        assert all(cell in line for cell in ("50 %", "90 %", "999", "larger"))
    assert "Ablations" not in run("show", "--plain", digits_file).out
