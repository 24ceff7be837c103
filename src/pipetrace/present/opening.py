"""How what is collapsed in a large model is opened, in words."""

import shlex

from pipetrace.present.views import Document


def how_to_open(made: Document, file: str) -> tuple[str, ...]:
    """How to see what is collapsed or told in short, the commands last; nothing where all is shown."""
    closed = [group for group in made.groups if not group.expanded]
    if not closed and not made.brief:
        return ()
    told = [
        "What is marked ■ is collapsed." if closed else "",
        "Each stage is told in short." if made.brief else "",
    ]
    one = shlex.quote(closed[0].name) if closed else "NAME"
    shown = made.focus or ""
    return (
        f"{' '.join(each for each in told if each)} To see the inside of one, or all:",
        f"    pipetrace show {file} --stage {one}",
        f"    pipetrace show {file} {f'--stage {shlex.quote(shown)} ' if shown else ''}--expand",
    )
