#!/bin/sh
# The runtime stage of the image: install what build-image.sh made into /opt/reachinbox, and make the user it runs as.
# Usage: install-runtime.sh OUT. As root; needs python3 with venv, and reaches PyPI.
set -eu
out=$1
app=/opt/reachinbox data=/var/lib/reachinbox
umask 022 # others run it

# An upgrade finds both there.
getent group reachinbox >/dev/null || groupadd --gid 10001 reachinbox
getent passwd reachinbox >/dev/null ||
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir "$data" --shell /usr/sbin/nologin reachinbox
install --directory --owner reachinbox --group reachinbox --mode 0700 "$data"

# All is here before what runs is taken away.
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
python3 -m venv "$wheels/venv"
"$wheels/venv/bin/python" -m pip --disable-pip-version-check --quiet download --no-cache-dir --dest "$wheels" \
    --require-hashes --requirement "$out/requirements.lock"
python3 -m venv --clear "$app" # pip would leave a wheel of the same version as it is
"$app/bin/python" -m pip --disable-pip-version-check --quiet install --no-cache-dir --no-index --find-links "$wheels" \
    --require-hashes --requirement "$out/requirements.lock"
"$app/bin/python" -m pip --disable-pip-version-check --quiet install --no-cache-dir --no-deps "$out"/reachinbox-*.whl
"$app/bin/python" -m pip --quiet uninstall --yes setuptools pip 2>/dev/null || "$app/bin/python" -m pip --quiet uninstall --yes pip
install --mode 0755 "$out/healthcheck.py" "$app/bin/healthcheck"
