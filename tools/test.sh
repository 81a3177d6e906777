#!/bin/bash
# The whole suite, in four parts. A part that fails does not stop the others; the exit status tells of all.
# SUITE: the parts to run (core core-qgis qgis package). ARGS: arguments for pytest.
source "$(dirname "$0")/common.sh"

SUITE=${SUITE:-core core-qgis qgis package}
read_arguments
export QGIS_TEST_PYTHON
# Models run in a worker that has torch; their weights are built by the tests, and nothing is ever fetched.
export SOUNDVIS_PYTHON="$DEV_PYTHON" HF_HUB_OFFLINE=1
# pyproj looks for its data beside the Python it runs in, and the environment's is a link: name the system's.
if [ -d /usr/share/proj ]; then export PROJ_DATA=/usr/share/proj PROJ_LIB=/usr/share/proj; fi
mkdir -p "$LOGS"

# The core as developers have it: isolated, newest libraries.
run_core() { env -u PROJ_DATA -u PROJ_LIB timeout -k 20 20m "$DEV_PYTHON" -m pytest "$@" tests/core; }

# The core with the libraries of QGIS's own Python: what users run. QGIS itself is not started.
run_core_qgis() { timeout -k 20 20m "$QGIS_TEST_PYTHON" -m pytest -p no:pytest_qgis "$@" tests/core; }

# The plugin as it ships: PYTHONSAFEPATH keeps the working folder from coming first in sys.path, so that
# soundvis_qgis is the staged one. pytest-qgis keeps its profile in .qgis-settings: a new one each time.
# --qgis_disable_exit: what Python frees after QGIS has shut down can crash it.
run_qgis() {
    rm -rf .qgis-settings
    PROFILE_FOLDER="$ROOT/.qgis-settings" PYTHONSAFEPATH=1 PYTHONPATH="$ROOT/build:$ROOT" \
        headless_qgis 30m "$QGIS_TEST_PYTHON" -m pytest --qgis_disable_exit "$@" tests/qgis
}

# The zip, the sources, Qt 6.
run_package() { env -u PROJ_DATA -u PROJ_LIB timeout -k 20 20m "$DEV_PYTHON" -m pytest "$@" tests/package; }

# count WORD CLOSING: the number before WORD in pytest's closing line, 0 where there is none.
count() { grep -oE "[0-9]+ $1" <<<"$2" | grep -oE '^[0-9]+' || echo 0; }

# start PART: run a part, with what it prints in its log; its exit status and its seconds lie beside.
start() {
    local part=$1 began=$SECONDS code=0
    "run_${part/-/_}" -q ${ARGUMENTS[@]+"${ARGUMENTS[@]}"} >"$LOGS/test-$part.txt" 2>&1 || code=$?
    echo "$code $((SECONDS - began))" >"$LOGS/test-$part.ended"
}

# The two runs of the core need one processor each, so they go side by side; the others one after another.
for part in $SUITE; do
    case $part in core | core-qgis | qgis | package) ;; *) fail "no part '$part' in the suite: core core-qgis qgis package" ;; esac
    rm -f "$LOGS/test-$part.ended"
done
# Nothing runs on where the suite is stopped: the time limits of the parts pass the signal on.
set -m
stop_parts() {
    local part
    for part in $(jobs -p); do
        pkill -TERM -P "$part" 2>/dev/null || true
        kill -- "-$part" 2>/dev/null || true
    done
}
trap stop_parts EXIT
trap 'exit 130' INT TERM
beside=
if [[ " $SUITE " == *" core "* && " $SUITE " == *" core-qgis "* ]]; then
    start core-qgis </dev/null &
    beside=$!
fi

status=0
results=()
passed=0 failed=0 skipped=0
for part in $SUITE; do
    step "Tests: $part"
    if [ "$part" = core-qgis ] && [ -n "$beside" ]; then
        wait "$beside" || true
        cat "$LOGS/test-$part.txt"
    else
        start "$part" </dev/null &
        running=$!
        tail --pid="$running" -n +1 -F "$LOGS/test-$part.txt" 2>/dev/null &
        shown=$!
        # Not in the foreground: a signal is heard at once.
        wait "$running" || true
        wait "$shown" || true
    fi
    code=1 seconds=0
    if [ -f "$LOGS/test-$part.ended" ]; then read -r code seconds <"$LOGS/test-$part.ended"; fi
    closing=$(grep -E '(passed|failed|error|no tests ran|skipped|deselected).* in [0-9.]+' "$LOGS/test-$part.txt" | tail -n 1 | tr -d '=' | sed 's/^ *//' || true)
    passed=$((passed + $(count passed "$closing")))
    failed=$((failed + $(count failed "$closing") + $(count 'errors?' "$closing")))
    skipped=$((skipped + $(count skipped "$closing")))
    if [ "$code" = 5 ] && [ ${#ARGUMENTS[@]} != 0 ]; then code=0; fi # ARGS chose no test of this part
    if [ "$code" != 0 ]; then status=1; fi
    results+=("$(printf '  %-10s %-7s %4d s   %s' "$part" "$([ "$code" = 0 ] && echo passed || echo FAILED)" "$seconds" "${closing:-ended with status $code}")")
done

say ""
say "Suite:"
printf '%s\n' "${results[@]}"
if [ -z "${SOUNDVIS_TEST_DATA:-}" ]; then say "  Tests on real data were skipped: SOUNDVIS_TEST_DATA is not set."; fi
say "Total: $passed passed, $failed failed, $skipped skipped"
exit "$status"
