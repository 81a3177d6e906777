#!/bin/bash
# The main job on the sample town, as a server would run it: real qgis_process, an isolated profile, the staged
# plugin. Ends by naming what it made in build/demo/. Quick where nothing changed since the last time.
source "$(dirname "$0")/common.sh"

DEMO="$ROOT/build/demo"
QGIS_PROCESS=$(qgis_process_program)

# What the demo makes, relative to build/demo: the last lines of its output, and what a second run checks for.
RESULTS=(
    "sites.gpkg|the sites with embeddings, shares and BGA fields"
    "classes.tif|the class raster of the aerial"
    "bga.tif|the BGA raster"
    "correlations.csv|the correlation table"
    "report.html|the report with figures"
    "soundvis-demo.qgz|the QGIS project, everything styled"
    "map.png|the rendered map"
)

# algorithm LABEL LIMIT ID PARAMETERS...: run one algorithm, its progress shown, its whole output in a log.
algorithm() {
    local label=$1 limit=$2 id=$3 log began=$SECONDS
    shift 3
    log="$LOGS/demo-${id##*:}.txt"
    step "$label ($id)"
    if ! headless_qgis "$limit" "$QGIS_PROCESS" run "$id" "$@" 2>&1 | tee "$log" | "$PYTHON" -u tools/tidy_output.py; then
        fail "$id failed: see above, and ${log#"$ROOT"/} for all it said"
    fi
    say "    $((SECONDS - began)) s"
}

key="$(digest dist/soundvis_qgis-*.zip tools/demo.sh tools/demo_project.py) $(dpkg-query -W qgis 2>/dev/null || true)"
complete=yes
for result in "${RESULTS[@]}"; do [ -s "$DEMO/${result%%|*}" ] || complete=no; done

if [ "$complete" = yes ] && [ "$(cat "$DEMO/.stamp" 2>/dev/null)" = "$key" ]; then
    say "The demo is up to date ('rm -r build/demo' makes it run again)."
else
    rm -rf "$DEMO"
    mkdir -p "$DEMO" "$LOGS"
    step "Enabling the plugin in an isolated profile"
    enable_plugin

    algorithm "Creating the sample town" 10m soundvis:samplesites \
        --FOLDER="$DEMO/town" --SEED=1 --OUTPUT="$DEMO/town/sites.gpkg" --AERIAL="$DEMO/aerial.tif"

    algorithm "From sites and aerial to the report" 20m soundvis:sound_vision_alignment \
        --SITES="$DEMO/town/sites.gpkg" --BASEMAP="$DEMO/aerial.tif" --RECORDING_FIELD=recording --PHOTO_FIELD=photo \
        --GROUP_FIELD=district --bga_sites:sites="$DEMO/sites.gpkg" --segment_raster:classes="$DEMO/classes.tif" \
        --bga_raster:bga="$DEMO/bga.tif" --correlate:correlations="$DEMO/correlations.csv" \
        --correlate:report="$DEMO/report.html"

    step "Writing the project and rendering the map"
    headless_qgis 5m "$PYTHON" tools/demo_project.py "$DEMO" 2>&1 | tee "$LOGS/demo-project.txt" |
        "$PYTHON" -u tools/tidy_output.py || fail "the project could not be made: see ${LOGS#"$ROOT"/}/demo-project.txt"

    for result in "${RESULTS[@]}"; do
        [ -s "$DEMO/${result%%|*}" ] || fail "the demo ran, but build/demo/${result%%|*} (${result#*|}) is missing"
    done
    printf '%s' "$key" >"$DEMO/.stamp"
fi

say ""
say "Made in build/demo/:"
for result in "${RESULTS[@]}"; do printf '  %-20s %s\n' "${result%%|*}" "${result#*|}"; done
say "Look at it in QGIS: make qgis"
