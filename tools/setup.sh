#!/bin/bash
# Set up all that the tasks need: the system's packages, then the two virtual environments.
# Done before and nothing changed: a look, and nothing else.
source "$(dirname "$0")/common.sh"
source tools/system_packages.sh

# make_environment FOLDER LOCK VENV_OPTION PIP_OPTION: made anew whenever the lock or Python changes; the stamp
# is written last, so a broken-off run starts over.
make_environment() {
    local folder=$1 lock=$2 venv_option=$3 pip_option=$4 key
    key="$("$PYTHON" -c 'import sys; print(sys.version)' | digest - "$lock" | cut -c 1-40) $folder"
    if [ "$(cat "$folder/.stamp" 2>/dev/null)" = "$key" ]; then return; fi
    rm -rf "$folder"
    mkdir -p "$(dirname "$folder")" "$LOGS"
    # shellcheck disable=SC2086
    "$PYTHON" -m venv $venv_option "$folder"
    # shellcheck disable=SC2086
    quietly "Installing $lock into ${folder#"$ROOT"/}" "$LOGS/pip-$(basename "$lock").txt" \
        timeout -k 20 30m "$folder/bin/python" -m pip install --no-input --progress-bar off --only-binary :all: \
        --require-hashes $pip_option -r "$lock" || fail "the packages of $lock could not be installed (see above)"
    printf '%s' "$key" >"$folder/.stamp"
}

install_system_packages
make_environment "$ROOT/.venv" requirements/dev.lock "" ""
make_environment "$ROOT/build/venv-qgis" requirements/qgis-tests.lock --system-site-packages --no-deps
