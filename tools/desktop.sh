#!/bin/bash
# Desktop QGIS with the isolated profile, the staged plugin and the demo project. Your own profile is left alone.
source "$(dirname "$0")/common.sh"

[ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || fail "QGIS needs a display: run this in a desktop session (or ssh -X)."
enable_plugin
project=()
if [ -e build/demo/soundvis-demo.qgz ]; then
    project=(--project "$ROOT/build/demo/soundvis-demo.qgz")
else
    say "There is no demo project yet: 'make demo' makes it."
fi
PATH="/usr/bin:/bin:$PATH" QGIS_CUSTOM_CONFIG_PATH="$PROFILE_FOLDER" QGIS_PLUGINPATH="$ROOT/build" \
    exec qgis --nologo ${project[@]+"${project[@]}"}
