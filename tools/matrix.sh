#!/bin/bash
# The tests in QGIS (tests/qgis) on every QGIS that Debian has: 3.22, 3.40 and 3.44, each in a chroot of its own
# under build/matrix/. The first run makes the chroots (three to five minutes and 3.5 GB each); later runs only test.
# Usage: tools/matrix.sh [3.22|3.40|3.44]...     ARGS: arguments for pytest
source "$(dirname "$0")/common.sh"
source tools/system_packages.sh

read_arguments
VERSIONS=("$@")
[ $# != 0 ] || VERSIONS=(3.22 3.40 3.44)
MATRIX="$ROOT/build/matrix"
MIRROR=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
mkdir -p "$LOGS"
BECOME=$(privilege) || fail "the matrix needs an administrator: it works in chroots. Ask one to run 'make test-matrix'."

suite_of() { case $1 in 3.22 | 3.40) echo bookworm ;; 3.44) echo forky ;; *) fail "no chroot for QGIS $1: use 3.22, 3.40 or 3.44" ;; esac; }
release_of() { case $1 in 3.40) echo bookworm-backports ;; esac; }

as_root() { $BECOME env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"; }

make_chroot() {
    local version=$1 root=$2 suite release
    suite=$(suite_of "$version")
    release=$(release_of "$version")
    as_root rm -rf "$root" # a broken-off run starts over
    # debootstrap names no script for suites younger than itself; they all share the one of sid.
    timeout -k 20 20m $BECOME debootstrap --variant=minbase "$suite" "$root" "$MIRROR" /usr/share/debootstrap/scripts/sid
    # Mirrors that keep an old state serve lists past their date.
    as_root tee "$root/etc/apt/apt.conf.d/99matrix" >/dev/null <<'APT'
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
APT::Install-Recommends "false";
APT
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$root/usr/sbin/policy-rc.d" >/dev/null # start no services
    as_root chmod 755 "$root/usr/sbin/policy-rc.d"
    [ -z "$release" ] || echo "deb $MIRROR $release main" | as_root tee "$root/etc/apt/sources.list.d/release.list" >/dev/null
    as_root cp /etc/resolv.conf "$root/etc/resolv.conf"
    as_root timeout -k 20 10m chroot "$root" apt-get update -q
    as_root timeout -k 20 40m chroot "$root" apt-get install -y -q ${release:+-t "$release"} "${SYSTEM_PACKAGES[@]}"
    as_root chroot "$root" apt-get clean
    as_root touch "$root/.ready"
}

# The packages of qgis-tests.lock for the Python of a chroot: fetched by this machine's pip, with its certificates
# and settings, and installed without network.
fetch_wheels() {
    local python=$1 folder="$MATRIX/wheels-$1" key platform platforms=(--platform any)
    key=$(digest requirements/qgis-tests.lock)
    [ "$(cat "$folder/.stamp" 2>/dev/null)" != "$key" ] || return 0
    rm -rf "$folder"
    for platform in 2_17 2_24 2_28 2_34; do platforms+=(--platform "manylinux_${platform}_$(uname -m)"); done
    quietly "Fetching the test packages for Python $python" "$LOGS/matrix-wheels-$python.txt" \
        timeout -k 20 10m build/venv-qgis/bin/python -m pip download --no-deps --require-hashes --only-binary :all: \
        --python-version "$python" --implementation cp --abi "cp${python/./}" --abi abi3 --abi none \
        "${platforms[@]}" -r requirements/qgis-tests.lock -d "$folder" || return 1
    printf '%s' "$key" >"$folder/.stamp"
}

# Runs in the chroot, where the repository lies read-only in /repo. Nothing stays mounted: the mounts live in a
# name space of their own.
in_chroot() {
    local root=$1 data=${SOUNDVIS_TEST_DATA:-}
    shift
    mkdir -p "$ROOT/.qgis-settings"
    as_root mkdir -p "$root/repo" "$root/data"
    # shellcheck disable=SC2016
    as_root timeout -k 20 40m unshare --mount bash -c '
        set -e
        root=$1; repository=$2; data=$3; shift 3
        mount -t proc proc "$root/proc"
        mount --bind "$repository" "$root/repo"
        mount -o remount,bind,ro "$root/repo"
        mount -t tmpfs tmpfs "$root/repo/.qgis-settings" # where pytest-qgis keeps its profile
        [ -z "$data" ] || mount --bind "$data" "$root/data"
        exec chroot "$root" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
            ${data:+SOUNDVIS_TEST_DATA=/data} "$@"' _ "$root" "$ROOT" "$data" "$@"
}

test_in() {
    local root=$1 python=$2
    # shellcheck disable=SC2016
    in_chroot "$root" bash -c '
        set -e
        rm -rf /opt/tests /tmp/scratch
        mkdir -p /tmp/scratch/run; chmod 700 /tmp/scratch/run
        python3 -m venv --system-site-packages /opt/tests
        /opt/tests/bin/python -m pip install -q --no-index --no-deps --find-links "$1" \
            --require-hashes -r /repo/requirements/qgis-tests.lock
        shift
        cd /repo
        export QT_QPA_PLATFORM=offscreen XDG_RUNTIME_DIR=/tmp/scratch/run QGIS_CUSTOM_CONFIG_PATH=/tmp/scratch/profile
        export QGIS_PREFIX_PATH=/usr QGIS_PLUGINPATH=/repo/build PYTHONSAFEPATH=1 PYTHONPATH=/repo/build:/repo
        export PROJ_DATA=/usr/share/proj PROJ_LIB=/usr/share/proj PYTHONDONTWRITEBYTECODE=1 HYPOTHESIS_STORAGE_DIRECTORY=/tmp/scratch/hypothesis
        # The models run in .venv where this system has its Python; elsewhere the tests of models are skipped.
        export SOUNDVIS_PYTHON=/repo/.venv/bin/python HF_HUB_OFFLINE=1
        "$SOUNDVIS_PYTHON" -c "import numpy" 2>/dev/null || export SOUNDVIS_PYTHON=/none
        names=$(python3 -W ignore /repo/tests/package/enum_check.py qgis /repo/build/soundvis_qgis | tail -n 1)
        [[ $names == *\"findings\":\ \[\]* ]] || { echo "Names that this QGIS does not have, or unscoped enums: $names"; exit 1; }
        # What Python frees after QGIS has shut down can crash it: the end of the process shuts down both.
        exec /opt/tests/bin/python -m pytest --qgis_disable_exit -c /repo/pyproject.toml --rootdir /repo -p no:cacheprovider -q "$@" /repo/tests/qgis
        ' _ "/repo/build/matrix/wheels-$python" ${ARGUMENTS[@]+"${ARGUMENTS[@]}"}
}

[ -x "$(command -v debootstrap || ls /usr/sbin/debootstrap 2>/dev/null)" ] ||
    quietly "Installing debootstrap" "$LOGS/matrix-debootstrap.txt" as_root apt-get install -y --no-install-recommends debootstrap

declare -A RESULT
status=0
for version in "${VERSIONS[@]}"; do
    suite_of "$version" >/dev/null
    root="$MATRIX/$version"
    if [ ! -e "$root/.ready" ]; then
        export -f make_chroot suite_of release_of as_root fail
        export BECOME MIRROR
        quietly "Making a chroot with QGIS $version (some minutes)" "$LOGS/matrix-$version-install.txt" \
            make_chroot "$version" "$root" || { RESULT[$version]="could not be installed"; status=1; continue; }
    fi
    installed=$(as_root chroot "$root" dpkg-query -W -f '${Version}' qgis | cut -d + -f 1)
    [ "$(cut -d . -f 1-2 <<<"$installed")" = "$version" ] || say "Note: this chroot was meant for QGIS $version; Debian has $installed now."
    python=$(as_root chroot "$root" python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    fetch_wheels "$python" || { RESULT[$version]="its test packages could not be fetched"; status=1; continue; }
    began=$SECONDS
    step "tests/qgis on QGIS $installed"
    log="$LOGS/matrix-$version.txt"
    failed=0
    test_in "$root" "$python" 2>&1 | tee "$log" || failed=1
    closing=$(grep -E '(passed|failed|error|no tests ran).* in [0-9.]+' "$log" | tail -n 1 | tr -d '=' | sed 's/^ *//' || true)
    RESULT[$version]="QGIS $installed, Python $python: ${closing:-ended early, see ${log#"$ROOT"/}}"
    [ "$failed" = 0 ] || { status=1; RESULT[$version]+="  <- failed"; }
    say "    $((SECONDS - began)) s"
done

say ""
for version in "${VERSIONS[@]}"; do printf '%-5s %s\n' "$version" "${RESULT[$version]}"; done
exit "$status"
