"""How what is folded in a large model is opened, in words."""

import shlex

from pipetrace.present.views import Document


def how_to_open(made: Document, file: str) -> tuple[str, ...]:
    """How to see what is folded or told in short, the commands last; nothing where all is shown."""
    closed = [fold for fold in made.folds if not fold.open]
    if not closed and not made.brief:
        return ()
    told = [
        "What is marked ■ is folded." if closed else "",
        "Each stage is told in short." if made.brief else "",
    ]
    one = shlex.quote(closed[0].name) if closed else "NAME"
    shown = made.part or ""
    return (
        f"{' '.join(each for each in told if each)} To see the inside of one, or all:",
        f"    pipetrace show {file} --stage {one}",
        f"    pipetrace show {file} {f'--stage {shlex.quote(shown)} ' if shown else ''}--expand",
    )
