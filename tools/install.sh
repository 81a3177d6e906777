#!/bin/bash
# Put the staged plugin into the user's QGIS profile, in place of an earlier version, and enable it.
# PROFILE: the profile's name. QGIS_CUSTOM_CONFIG_PATH: where QGIS keeps its profiles, as QGIS itself has it.
source "$(dirname "$0")/common.sh"

PROFILE=${PROFILE:-default}
BASE=${QGIS_CUSTOM_CONFIG_PATH:-${XDG_DATA_HOME:-$HOME/.local/share}/QGIS/QGIS3}
[ "$(uname)" != Darwin ] || BASE=${QGIS_CUSTOM_CONFIG_PATH:-$HOME/Library/Application Support/QGIS/QGIS3}
PLUGINS="$BASE/profiles/$PROFILE/python/plugins"

mkdir -p "$PLUGINS"
[ ! -L "$PLUGINS/soundvis_qgis" ] || fail "$PLUGINS/soundvis_qgis is a link (a developer's set-up?): remove it first."
# Copied beside, then renamed: QGIS never finds half a plugin.
fresh=$(mktemp -d "$PLUGINS/.soundvis-XXXXXX")
trap 'rm -rf "$fresh"' EXIT
cp -R build/soundvis_qgis "$fresh/new"
if [ -e "$PLUGINS/soundvis_qgis" ]; then mv "$PLUGINS/soundvis_qgis" "$fresh/old"; fi
if ! mv "$fresh/new" "$PLUGINS/soundvis_qgis"; then
    if [ -e "$fresh/old" ]; then mv "$fresh/old" "$PLUGINS/soundvis_qgis"; fi
    fail "the plugin could not be put into $PLUGINS; what was there is there again"
fi
say "Installed SoundVis $(sed -n 's/^version=//p' metadata.txt) in $PLUGINS/soundvis_qgis"

# Enabling what is enabled already is an error to qgis_process, not to us.
enabled() {
    PROFILE_FOLDER="$BASE" headless_qgis 2m env -u QGIS_PLUGINPATH "$(qgis_process_program)" \
        plugins enable soundvis_qgis >"$fresh/log" 2>&1 || grep -q "already enabled" "$fresh/log"
}
# qgis_process knows the default profile only.
if [ "$PROFILE" = default ] && command -v qgis_process >/dev/null && enabled; then
    say "Enabled. A running QGIS sees it after a restart: Processing Toolbox, SoundVis."
else
    say "Now enable it in QGIS: Plugins, Manage and Install Plugins, Installed, SoundVis."
fi
