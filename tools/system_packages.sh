# Sourced by setup.sh: QGIS and the Python packages that belong to QGIS's own Python, from the system.
# shellcheck shell=bash

SYSTEM_PACKAGES=(
    qgis python3-qgis python3-venv
    python3-numpy python3-scipy python3-shapely python3-pyproj python3-pil
    python3-soundfile python3-av python3-matplotlib
)

# Programs that write headers of recordings and photos for the tests, independently of us. Tests that need one which is
# missing are skipped, so nothing fails for want of them.
WRITERS=(libimage-exiftool-perl ffmpeg)

# Where there is no dpkg: what must be there, however it was installed.
check_without_dpkg() {
    command -v qgis_process >/dev/null || fail "QGIS is missing. Install QGIS 3.22 or newer with its Python bindings."
    "$PYTHON" - <<'CHECK' || fail "install these with your system's package manager, for the Python that QGIS uses ($PYTHON; set PYTHON=... for another)"
import importlib.util, sys
names = "qgis numpy scipy shapely pyproj PIL soundfile av matplotlib ensurepip".split()
missing = [name for name in names if importlib.util.find_spec(name) is None]
if missing:
    sys.exit("Missing Python packages: " + " ".join(missing))
CHECK
}

# How this user becomes root: nothing (root already), sudo, or not at all.
privilege() {
    if [ "$(id -u)" = 0 ]; then return; fi
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || { [ -t 0 ] && [ -t 2 ] && sudo -v >&2; }; }; then
        echo sudo
        return
    fi
    return 1
}

# missing_of PACKAGE...: those that are not installed, one a line.
missing_of() {
    local present package
    present=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
    for package in "$@"; do
        grep -qx "$package installed" <<<"$present" || printf '%s\n' "$package"
    done
}

# apt_install BECOME LABEL PACKAGE...: reads the lists of packages, once, and installs.
apt_install() {
    local become=$1 label=$2
    shift 2
    if [ -z "${LISTS_READ:-}" ]; then
        # A third party's broken package source must not stop us: whether the packages are to be had shows next.
        quietly "Reading the lists of the system's packages" "$LOGS/apt-update.txt" \
            $become timeout -k 20 15m apt-get update || say "    not every package source answered; going on"
        LISTS_READ=yes
    fi
    quietly "$label" "$LOGS/apt-install.txt" $become env DEBIAN_FRONTEND=noninteractive timeout -k 20 40m \
        apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
}

install_system_packages() {
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        check_without_dpkg
        return
    fi
    local missing become
    mapfile -t missing < <(missing_of "${SYSTEM_PACKAGES[@]}")
    if [ ${#missing[@]} != 0 ]; then
        say "Missing from the system: ${missing[*]}"
        become=$(privilege) || fail "installing them needs an administrator. Ask one to run:

    apt-get update && apt-get install --no-install-recommends ${missing[*]}

and then run this command again."
        apt_install "$become" "Installing ${#missing[@]} system packages and what they need (a few minutes)" \
            "${missing[@]}" || fail "the system's packages could not be installed (see above)"
    fi
    install_writers
}

# Tried once, and never with a password asked for: the suite does without.
install_writers() {
    local missing become="" tried="$ROOT/build/.writers-tried"
    mapfile -t missing < <(missing_of "${WRITERS[@]}")
    if [ ${#missing[@]} = 0 ] || [ "$(cat "$tried" 2>/dev/null)" = "${missing[*]}" ]; then return; fi
    if [ "$(id -u)" != 0 ]; then
        if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then become=sudo; else become=none; fi
    fi
    if [ "$become" = none ] || ! apt_install "$become" "Installing ${missing[*]} for the tests" "${missing[@]}"; then
        say "    without ${missing[*]}, some tests of headers are skipped"
        mkdir -p "$ROOT/build"
        printf '%s' "${missing[*]}" >"$tried"
    fi
}
