#!/bin/bash
# Remove what make made. Nothing is mounted outside a running test matrix, so plain removal is safe; check all
# the same, for a chroot with something mounted inside must never be deleted through.
source "$(dirname "$0")/common.sh"
source tools/system_packages.sh
if grep -q " $ROOT/build/" /proc/self/mounts 2>/dev/null; then
    fail "something is still mounted under build/ (a test matrix running?). Unmount it, then run 'make clean' again."
fi
if [ -d build/matrix ]; then # chroots belong to root
    become=$(privilege) || fail "build/matrix belongs to root: ask an administrator to run 'make clean'."
    $become rm -rf --one-file-system build/matrix
fi
rm -rf build dist .venv .qgis-settings .pytest_cache .hypothesis .ruff_cache .mypy_cache
find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
say "Removed build/, dist/, .venv/ and the caches."
