#!/bin/sh
# The build stage of the image: SOURCE, a checkout, becomes OUT, a wheel with the dashboard in it and its lock.
# Usage: build-image.sh SOURCE OUT. Needs python3 with venv, and reaches PyPI and the npm registry.
set -eu
source=$1 out=$2

mkdir -p "$out"
python3 -m venv "$out/build"
"$out/build/bin/python" -m pip --disable-pip-version-check --quiet install --no-cache-dir \
    --require-hashes --requirement "$source/requirements-build.lock"
# The build tools are those of the lock, so the build is not isolated: that would fetch others.
PATH="$out/build/bin:$PATH" "$out/build/bin/python" -m pip --disable-pip-version-check --quiet wheel --no-cache-dir \
    --no-deps --no-build-isolation --wheel-dir "$out" "$source"
cp "$source/requirements.lock" "$source/deploy/healthcheck.py" "$out/"
rm -rf "$out/build"
