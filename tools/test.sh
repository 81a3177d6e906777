#!/bin/bash
# The whole suite, in four parts. A part that fails does not stop the others; the exit status tells of all.
# SUITE: the parts to run (core core-qgis qgis package). ARGS: arguments for pytest.
source "$(dirname "$0")/common.sh"

SUITE=${SUITE:-core core-qgis qgis package}
read -ra ARGUMENTS <<<"${ARGS:-}"
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

status=0
results=()
passed=0 failed=0 skipped=0
for part in $SUITE; do
    case $part in core | core-qgis | qgis | package) ;; *) fail "no part '$part' in the suite: core core-qgis qgis package" ;; esac
    step "Tests: $part"
    began=$SECONDS
    code=0
    "run_${part/-/_}" -q ${ARGUMENTS[@]+"${ARGUMENTS[@]}"} 2>&1 | tee "$LOGS/test-$part.txt" || code=$?
    closing=$(grep -E '(passed|failed|error|no tests ran|skipped|deselected).* in [0-9.]+' "$LOGS/test-$part.txt" | tail -n 1 | tr -d '=' | sed 's/^ *//' || true)
    passed=$((passed + $(count passed "$closing")))
    failed=$((failed + $(count failed "$closing") + $(count 'errors?' "$closing")))
    skipped=$((skipped + $(count skipped "$closing")))
    if [ "$code" = 5 ] && [ ${#ARGUMENTS[@]} != 0 ]; then code=0; fi # ARGS chose no test of this part
    if [ "$code" != 0 ]; then status=1; fi
    results+=("$(printf '  %-10s %-7s %4d s   %s' "$part" "$([ "$code" = 0 ] && echo passed || echo FAILED)" $((SECONDS - began)) "${closing:-ended with status $code}")")
done

say ""
say "Suite:"
printf '%s\n' "${results[@]}"
if [ -z "${SOUNDVIS_TEST_DATA:-}" ]; then say "  Tests on real data were skipped: SOUNDVIS_TEST_DATA is not set."; fi
say "Total: $passed passed, $failed failed, $skipped skipped"
exit "$status"
