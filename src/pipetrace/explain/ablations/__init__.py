"""What each part of a run contributes, from trainings without it, and a project from them."""

from pipetrace.explain.ablations.project import Project, project
from pipetrace.explain.ablations.rows import AblationRow, ablations

__all__ = ["AblationRow", "Project", "ablations", "project"]
