"""What recording took beside its budget, and what was skipped."""

from dataclasses import dataclass

BUDGET, DISK, DECLINED, INTERRUPTED_BY_USER = "budget", "disk", "declined", "interrupted"
UNSUPPORTED, NOT_BY_ROW, SPREAD = "unsupported", "not by row", "spread"
NOT_TOLD = "not told"
"""Why something was skipped: to stay within the budget, because the disk was slow, because it was
not wanted, because Ctrl-C ended the measuring after training, because the installed Keras or the
iterator of the data gives no access to it, because the loss of a batch is not the mean of its
rows' losses, because the rows are spread over partitions, which are measured one by one, or because
another process of the training did not tell it in time."""


@dataclass(frozen=True)
class Skipped:
    """Something that was not recorded, or not in full."""

    # ``stages`` (the model's layers were never seen), ``passes`` (they are known as they were
    # built, and no rows passed them), ``late stages`` (they were seen after training only), ``fit
    # arguments``, ``steps``, ``masks``, ``inner layers``, ``seed``, ``data facts``, ``probe``,
    # ``weights``, ``measurements``, ``loss checks``, ``rows``, ``row losses``, ``after training``;
    # and of what is measured then ``prediction``, ``outcomes``, ``data flow``, ``dataset checks``,
    # ``baseline models``, ``dimensions``, ``batch dependence``, ``training mode``, ``final
    # weights``, ``kept rows`` and ``replicas`` (whether all processes have the same weights)
    what: str
    # ``budget``, ``disk``, ``declined``, ``interrupted``, ``unsupported``, ``not by row``,
    # ``spread`` or ``not told``
    reason: str
    # amount, total: how many epochs, rows or steps were skipped, and of how many; or None
    amount: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class Overhead:
    """What recording took, beside what it was allowed to take."""

    # share of the training time that recording may take meanwhile; None for no limit
    budget: float | None
    floor: float  # seconds in all that it may take in a training of less than a minute
    training: float  # seconds of ``fit``, validation included, without the recording
    during: float  # seconds that training waited for the recording
    background: float  # processor seconds that the recording took beside the training
    after: float  # seconds of measuring when training was over, which is not inside the budget
    skipped: tuple[Skipped, ...] = ()  # what was not recorded for it

    @property
    def spent(self) -> float:
        """Seconds that count against the budget."""
        return self.during + self.background

    @property
    def share(self) -> float | None:
        """The overhead as a share of the training time; None where no time was measured."""
        return self.spent / self.training if self.training > 0 else None
