#!/bin/sh
# Make .venv in the checkout and install pipetrace into it. The Makefile runs this.
#   tools/setup.sh run     pipetrace and TensorFlow, for `make digits`
#   tools/setup.sh tests   what the tests need on top
#   tools/setup.sh docs    what `make docs` needs on top
#   tools/setup.sh trackers  .venv-trackers, with what exports are read back by, for `make test-trackers`
#   tools/setup.sh jax     .venv-jax, with Keras on JAX, for `make test-backend`; torch is the same for PyTorch
#   tools/setup.sh oldest  .venv-oldest, with the oldest Keras and TensorFlow, for `make test-oldest`
#   tools/setup.sh onnx    .venv-onnx, with what writes and runs ONNX models, for `make test-onnx`
#   tools/setup.sh scale   .venv-scale, with Dask, Arrow and object storage, for `make test-scale`
# PYTHON names the Python to use; without it, the first fitting one on PATH is taken.
set -eu
cd "$(dirname "$0")/.."

venv=.venv

say() { printf '%s\n' "$*" >&2; }
fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; }
has_venv() { "$1" -c 'import venv, ensurepip' >/dev/null 2>&1; }
version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

# Print the Python to use, or say what is missing.
find_python() {
    bare=
    if [ -n "${PYTHON:-}" ]; then set -- "$PYTHON"; else set -- python3 python3.13 python3.12 python3.11; fi
    for candidate; do
        fits "$candidate" || continue
        if has_venv "$candidate"; then
            echo "$candidate"
            return 0
        fi
        bare=${bare:-$candidate}
    done
    if [ -n "$bare" ]; then
        say "Error: $bare is Python $(version "$bare"), but its venv module cannot install pip (ensurepip is missing)."
        say "On Debian or Ubuntu, install the package python$(version "$bare")-venv."
    elif [ -n "${PYTHON:-}" ]; then
        say "Error: PYTHON=$PYTHON does not run, or is not Python 3.11, 3.12 or 3.13."
    else
        say "Error: pipetrace needs Python 3.11, 3.12 or 3.13, and none is on PATH as python3, python3.13, python3.12 or python3.11."
        say "On Debian 12 or later, install python3 and python3-venv, or name one: make PYTHON=/path/to/python3."
    fi
    return 1
}

# Keep the environment only if it was made here, by a Python that still runs.
make_venv() {
    if [ "$(cat $venv/.made-in 2>/dev/null)" = "$(pwd -P)" ] && fits $venv/bin/python &&
        $venv/bin/python -c 'import pip' 2>/dev/null; then
        return 0
    fi
    python=$(find_python)
    say "Making $venv with Python $(version "$python")"
    "$python" -m venv --clear $venv
    pwd -P >$venv/.made-in
}

# On a terminal pip shows its progress; elsewhere only what goes wrong.
constraints=constraints.txt
install() {
    quiet=--quiet
    if [ -t 1 ]; then quiet=; fi
    # shellcheck disable=SC2086 # $quiet is one word or none
    $venv/bin/python -m pip install $quiet --no-input --disable-pip-version-check --compile \
        --constraint $constraints "$@"
}

# pip compiles what it installs, but not an editable package, and not what an older pip left.
compile() { .venv/bin/python -m compileall -q -q .venv/lib src || :; }

unset PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME
case ${1:-} in
run)
    make_venv
    rm -f .venv/.installed .venv/.installed-tests .venv/.installed-docs
    say "Installing pipetrace and TensorFlow into .venv (1.6 GB the first time: a minute or more)"
    install pip
    install --build-constraint constraints.txt --editable '.[cpu]'
    compile
    pwd -P >.venv/.installed
    ;;
tests)
    say "Installing what the tests need into .venv"
    install --group dev
    compile
    pwd -P >.venv/.installed-tests
    ;;
docs)
    say "Installing what the documentation site needs into .venv"
    install --group docs
    pwd -P >.venv/.installed-docs
    ;;
jax | torch)
    venv=.venv-$1
    make_venv
    say "Installing Keras and $1 into $venv (1 GB or more the first time)"
    install pip
    install --build-constraint constraints.txt --editable ".[$1]" --group test
    pwd -P >"$venv/.installed"
    ;;
oldest)
    venv=.venv-oldest
    make_venv
    say "Installing the oldest Keras and TensorFlow into .venv-oldest (1.5 GB the first time)"
    # Of a package that is in both files, the first one holds.
    awk -F== '/^[a-z]/ && !seen[$1]++' constraints-oldest.txt constraints.txt >.venv-oldest/constraints.txt
    constraints=.venv-oldest/constraints.txt
    install pip
    install --build-constraint constraints.txt --editable '.[cpu]' --group test
    pwd -P >.venv-oldest/.installed
    ;;
onnx | trackers | scale)
    venv=.venv-$1
    make_venv
    say "Installing TensorFlow and the group $1 of pyproject.toml into $venv (about 2 GB the first time)"
    install pip
    install --build-constraint constraints.txt --editable '.[cpu]' --group "$1"
    pwd -P >"$venv/.installed"
    ;;
*)
    say "Usage: tools/setup.sh run | tests | docs | oldest | onnx | trackers | scale | jax | torch"
    exit 2
    ;;
esac
