#!/bin/bash
# Resolve requirements/*.in into requirements/*.lock: exact versions and hashes, valid for every system and every
# Python from 3.11 (which Debian 12 has). Installing a lock needs nothing but pip.
source "$(dirname "$0")/common.sh"
if [ ! -x build/venv-lock/bin/uv ]; then
    "$PYTHON" -m venv build/venv-lock
    quietly "Installing uv" "$LOGS/pip-lock.txt" build/venv-lock/bin/python -m pip install -r requirements/lock.in
fi
cd requirements
for name in dev qgis-tests; do
    ../build/venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-header --upgrade "$name.in" -o "$name.lock"
    say "requirements/$name.lock: $(grep -c '^[A-Za-z]' "$name.lock") packages"
done
