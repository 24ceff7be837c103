"""A trace in the forms of other tools: what ``pipetrace export`` writes."""

from collections.abc import Iterable
from itertools import chain

from pipetrace.trace.document import Trace


def exported(trace: Trace, form: str, name: str, version: str) -> str | bytes | Iterable[str]:
    """A trace, of this file name, as one file: ``form`` is one of those in ``config.CHOICES``.

    ``version`` is that of pipetrace. TensorBoard's event files are several and a run of MLflow is
    none: the command writes them.
    """
    if form == "csv":
        from pipetrace.present.export.tables import epochs_csv

        return epochs_csv(trace)
    if form == "parquet":
        from pipetrace.present.export.tables import epochs_parquet

        return epochs_parquet(trace)
    if form == "junit":
        from pipetrace.explain.findings.engine import check
        from pipetrace.present.formats.junit import junit

        return junit((check(trace, file=name),), version)
    from pipetrace.present.formats.json import pieces

    return chain(pieces(trace), "\n")
