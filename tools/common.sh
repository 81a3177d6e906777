# Sourced by the other scripts: where things are, how to speak, how to call QGIS.
# shellcheck shell=bash

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"

PYTHON=${PYTHON:-/usr/bin/python3}        # the Python that QGIS uses; both environments are made from it
DEV_PYTHON="$ROOT/.venv/bin/python"
QGIS_TEST_PYTHON="$ROOT/build/venv-qgis/bin/python"
LOGS="$ROOT/build/logs"
PROFILE_FOLDER="$ROOT/build/qgis-profile" # an isolated QGIS profile: the user's own is left alone

# A PYTHONPATH or an activated environment of the caller's must not leak in, and nothing may write .pyc files
# into the staged plugin.
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV
export PYTHONNOUSERSITE=1 PYTHONDONTWRITEBYTECODE=1
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_USER=0
# QGIS warns about every other encoding, and paths with accents need UTF-8.
if [ "$(locale charmap 2>/dev/null)" != UTF-8 ]; then export LC_ALL=C.UTF-8; fi

say() { printf '%s\n' "$*"; }
step() { printf '==> %s\n' "$*"; }
fail() { printf 'Error: %s\n' "$*" >&2; exit 1; }

# quietly LABEL LOG COMMAND...: run COMMAND with its output in LOG. Says every 20 s that it is still at it, how
# long it took, and, where it fails, the end of its output.
quietly() {
    local label=$1 log=$2 began=$SECONDS status=0 job waited=0
    shift 2
    mkdir -p "$(dirname "$log")"
    step "$label"
    "$@" >"$log" 2>&1 </dev/null &
    job=$!
    trap 'kill "$job" 2>/dev/null; exit 130' INT TERM # background jobs do not hear Ctrl-C themselves
    while kill -0 "$job" 2>/dev/null; do
        sleep 0.2
        waited=$((waited + 1))
        if [ $((waited % 100)) = 0 ] && kill -0 "$job" 2>/dev/null; then
            printf '    %d s: %.90s\n' $((SECONDS - began)) "$(tail -n 1 "$log" | tr -d '\r')"
        fi
    done
    wait "$job" || status=$?
    trap - INT TERM
    if [ "$status" != 0 ]; then
        tail -n 30 "$log" | cut -c 1-400 >&2
        say "The whole output is in ${log#"$ROOT"/}" >&2
        return "$status"
    fi
    say "    done in $((SECONDS - began)) s"
}

# read_arguments: ARGUMENTS, the words of ARGS; quotes hold words together (ARGS="-k 'mantel or partial'").
read_arguments() {
    local words
    words=$(xargs -r -n 1 printf '%s\n' <<<"${ARGS:-}") || fail "ARGS cannot be read: $ARGS"
    ARGUMENTS=()
    [ -z "$words" ] || mapfile -t ARGUMENTS <<<"$words"
}

# digest FILE...: one SHA-256 over names and contents.
digest() { sha256sum -- "$@" | sha256sum | cut -d ' ' -f 1; }

# Debian 12's wrapper adds --noversioncheck, which qgis_process of 3.22 refuses: prefer the program behind it.
qgis_process_program() { command -v qgis_process.bin || command -v qgis_process || fail "qgis_process is missing: run 'make setup'"; }

# headless_qgis LIMIT COMMAND...: run a command of QGIS without a display, in the isolated profile, with the
# staged plugin. LIMIT as in timeout(1): an uncaught C++ exception would otherwise hang for ever.
# PATH begins with the system's folders: QGIS looks there for its Python.
headless_qgis() {
    local limit=$1
    shift
    mkdir -p "$PROFILE_FOLDER" "$ROOT/build/run"
    chmod 700 "$ROOT/build/run"
    env PATH="/usr/bin:/bin:$PATH" QT_QPA_PLATFORM=offscreen XDG_RUNTIME_DIR="$ROOT/build/run" \
        QGIS_CUSTOM_CONFIG_PATH="$PROFILE_FOLDER" QGIS_PLUGINPATH="$ROOT/build" QGIS_PREFIX_PATH=/usr \
        timeout -k 20 "$limit" "$@" </dev/null
}

# enable_plugin: in the isolated profile. That it is enabled already is an error to some versions, not to us.
enable_plugin() {
    local log="$LOGS/enable-plugin.txt"
    mkdir -p "$LOGS"
    headless_qgis 2m "$(qgis_process_program)" plugins enable soundvis_qgis >"$log" 2>&1 ||
        grep -q "already enabled" "$log" || { tail -n 20 "$log" >&2; fail "the plugin could not be enabled"; }
}
