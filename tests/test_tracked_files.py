"""No tracked file names a folder of the machine that it was written on, or the host of a package registry.

The first means nothing elsewhere; the second sends whoever installs to one registry, whatever theirs is.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.markdown import ROOT

MACHINE = re.compile(
    r"""(?:(?<=file://)|(?<![\w.~$%*}\])/-]))/(?:work|root|home|tmp|scratch|workspace|Users|private|mnt|media)/[\w./-]+  # a folder of a user
    | \b[A-Z]:\\{1,2}(?:Users|Temp|Windows)\b""",
    re.VERBOSE,
)
REGISTRY = re.compile(
    r"""\b(?:[\w-]+\.)*(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|yarnpkg\.com|jsr\.io|anaconda\.(?:org|com))\b
    | https?://[^\s/"'<>]*(?:pypi|npm|registry|artifactory|nexus|devpi|mirror)[^\s/"'<>]*
    | (?:index[-_]url|registry)["']?\s*[=:]\s*["']?https?://""",
    re.VERBOSE | re.IGNORECASE,
)
FOLDERS = ("src", "tests", "docs", "tools", "benchmarks", ".ci")


def tracked(root: Path) -> list[Path]:
    """The files that git tracks; where there is no git, what lies in the folders of a source distribution."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        inside = [
            each
            for name in FOLDERS
            for each in (root / name).rglob("*")
            if "__pycache__" not in each.parts
        ]
        return sorted(
            each
            for each in [*root.iterdir(), *inside]
            if each.is_file() and each.suffix != ".trace"
        )
    names = [name for name in listed.decode().split("\0") if name]
    return [root / name for name in names if (root / name).is_file()]


def offences(text: str) -> list[str]:
    """Every folder of a machine and every host of a registry in a text."""
    return [match[0] for pattern in (MACHINE, REGISTRY) for match in pattern.finditer(text)]


def offending(root: Path) -> dict[str, list[str]]:
    """The offences of each file that has any; binary files are searched as well as they can be."""
    found = {
        str(path.relative_to(root)): offences(path.read_text(errors="replace"))
        for path in tracked(root)
    }
    return {name: each for name, each in found.items() if each}


def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    assert offending(ROOT) == {}
    names = {str(path.relative_to(ROOT)) for path in tracked(ROOT)}
    assert {
        "pyproject.toml",
        "README.md",
        "src/pipetrace/__init__.py",
        "docs/trace.schema.json",
    } <= names


AROUND = ("{}", "see {}.", '"{}"', "cd {}; ls", "file://{}", "PATH={}:x", "({})")
FORBIDDEN = (
    *(
        around.format(f"/{root}/somebody/some.py")
        for root in ("work", "home", "root", "tmp", "Users")
        for around in AROUND
    ),
    "https://" + "files.python" + "hosted.org/packages/x.whl",
    "see " + "py" + "pi.org",
    '"resolved": "https://' + "registry.np" + 'mjs.org/x"',
    "https://" + "py" + "pi.example.com/simple",
    "index" + "-url = https://example.com/simple",
    "regis" + "try=https://example.com/",
    "C:" + r"\Users\somebody",
)
ALLOWED = (
    "/path/to/digits.trace",
    "~/.keras/keras.json",
    "/proc/self/stat and /dev/shm and /usr/bin/env",
    "src/work/some.py, ./tmp/x and $HOME/work/x",
    "https://example.com/home/page.html",
    "pip install pipetrace",
    "the registry of rules",
)


def test_paths_of_machines_registries_and_drives_are_seen_and_others_let_through() -> None:
    assert [text for text in FORBIDDEN if not offences(text)] == []
    assert [text for text in ALLOWED if offences(text)] == []


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")
def test_only_tracked_files_count(tmp_path: Path) -> None:
    bad = "/" + "home/somebody/x"
    (tmp_path / "tracked.txt").write_text(bad)
    (tmp_path / "other.txt").write_text(bad)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "tracked.txt"], cwd=tmp_path, check=True)
    assert offending(tmp_path) == {"tracked.txt": [bad]}


def test_outside_of_git_the_folders_are_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    bad = "/" + "home/somebody/x"
    (tmp_path / "src").mkdir()
    (tmp_path / "src/some.py").write_text(bad)
    (tmp_path / "some.trace").write_text(bad)
    assert offending(tmp_path) == {str(Path("src/some.py")): [bad]}
    # Nor does it take git.
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "README.md").write_text(bad)
    assert set(offending(tmp_path)) == {"README.md", str(Path("src/some.py"))}
