"""A trace as a run of MLflow, and the files of a trace in a run of MLflow or W&B that is active."""

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from pipetrace.errors import OutputError, in_short
from pipetrace.explain.findings.engine import findings
from pipetrace.explain.headline import headline
from pipetrace.present import write_page
from pipetrace.present.export.tables import missing, moment_of
from pipetrace.run_table.settings import settings
from pipetrace.trace import read
from pipetrace.trace.document import FAILED, FINISHED, RUNNING, STOPPED, Trace

MLFLOW, WANDB = "mlflow", "wandb"
FOLDER = "pipetrace"
"""Where the files stand among the artifacts of a run."""
STATES = {FINISHED: "FINISHED", STOPPED: "FINISHED", FAILED: "FAILED", RUNNING: "RUNNING"}
"""MLflow's names for how a run ended; it has ``KILLED`` for all others."""
AT_ONCE = 100
"""Metrics and parameters in one request, of which MLflow takes 1,000 and 100."""
LONGEST = 500
"""Characters of a parameter."""
ANSWER_SECONDS = 5.0
"""A server of MLflow that takes longer to answer is not there; MLflow tries for four minutes."""


def export_to_mlflow(file: Path, address: str | None) -> str:
    """Make a run of MLflow with the settings, metrics, findings, the trace and its page; give its
    id.

    The address is of the server or the store, such as ``sqlite:///mlflow.db``; None for MLflow's
    own choice, ``MLFLOW_TRACKING_URI``.

    Raises:
        MissingLibraryError: MLflow is not installed.
        OutputError: it refused something, or does not answer.
        TraceError: the trace cannot be read.
    """
    if find_spec("mlflow") is None:
        raise missing("A run of MLflow", ["mlflow"], "mlflow-skinny")
    trace = read(file)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nothing leaves but to the store
    mlflow = import_module("mlflow")
    try:
        client = mlflow.MlflowClient(tracking_uri=address)
        _see_whether_it_answers(client.tracking_uri)
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "pipetrace")
        known = client.get_experiment_by_name(name)
        experiment = known.experiment_id if known else client.create_experiment(name)
        return _logged(client, mlflow.entities, experiment, trace, file)
    except OutputError:
        raise
    except Exception as error:  # of the client, of its database, of the network
        raise OutputError(
            f"MLflow could not take the run: {in_short(error)}.",
            where=address or os.environ.get("MLFLOW_TRACKING_URI", "--to mlflow"),
            hint="See that the store can be reached, or name another with --out.",
        ) from error


def _see_whether_it_answers(address: str) -> None:
    """Raise an ``OSError`` if a server is not there; behind a proxy that is not known."""
    parts = urlsplit(address)
    if parts.scheme in ("http", "https") and parts.hostname and not getproxies():
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname, port), ANSWER_SECONDS).close()


def _logged(client: Any, entities: Any, experiment: str, trace: Trace, file: Path) -> str:
    began = round(1000 * moment_of(trace))
    found = findings(trace)
    tags = {
        "mlflow.note.content": headline(trace),
        "mlflow.source.name": trace.run.command,
        "pipetrace.status": trace.ending.kind,
        "pipetrace.findings": " ".join(dict.fromkeys(each.code for each in found)) or "none",
    }
    run = client.create_run(experiment, began, tags, run_name=trace.run.title or file.stem)
    identity: str = run.info.run_id
    params = [entities.Param(*each) for each in _params(trace)]
    moment, metrics = began, []
    for epoch in trace.epochs:
        moment += round(1000 * epoch.seconds)
        figures = {**epoch.metrics, "epoch_seconds": epoch.seconds}
        if epoch.learning_rate is not None:
            figures.setdefault("learning_rate", epoch.learning_rate)
        metrics += [
            entities.Metric(_key(name), value, moment, epoch.number)
            for name, value in figures.items()
        ]
    for at in range(0, max(len(params), len(metrics)), AT_ONCE):
        ends = at + AT_ONCE
        client.log_batch(identity, metrics=metrics[at:ends], params=params[at:ends])
    with _files(file) as files:
        client.log_artifacts(identity, str(files), FOLDER)
    client.set_terminated(identity, STATES.get(trace.ending.kind, "KILLED"), moment)
    return identity


def _params(trace: Trace) -> Iterator[tuple[str, str]]:
    """The settings by names that MLflow takes, each once."""
    seen = set()
    for name, value in settings(trace).items():
        if (key := _key(name)) not in seen:
            seen.add(key)
            yield key, str(value)[:LONGEST]


def _key(name: str) -> str:
    """A name with the characters that MLflow has for keys."""
    kept = "".join(each if each.isalnum() or each in "_-. :/" else "_" for each in name)
    return kept.strip("/. ")[:250] or "_"


@contextmanager
def _files(file: Path) -> Iterator[Path]:
    """A folder with a trace and its page, for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="pipetrace-") as name:
        copy = Path(name, file.name)
        copy.write_bytes(file.read_bytes())
        write_page(copy, copy.with_suffix(".html"))
        yield copy.parent


def log_artifacts(file: Path, tracker: str) -> str | None:
    """Put a trace and its page among the artifacts of the run of ``mlflow`` or ``wandb`` that is
    active in this process, or say why not.
    """
    module: Any = sys.modules.get(tracker)
    run = None
    if module is not None:
        run = module.active_run() if tracker == MLFLOW else module.run
    if run is None:
        return f"{tracker} has no active run, so the trace was not logged to it."
    with _files(file) as files:
        if tracker == MLFLOW:
            _see_whether_it_answers(module.get_tracking_uri())
            module.log_artifacts(str(files), FOLDER)
        else:
            artifact = module.Artifact(f"trace-{run.id}", type="pipetrace")
            artifact.add_dir(str(files))
            run.log_artifact(artifact)  # it has copied the files when this returns
    return None
