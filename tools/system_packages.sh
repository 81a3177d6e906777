# Sourced by setup.sh: QGIS and the Python packages that belong to QGIS's own Python, from the system.
# shellcheck shell=bash

SYSTEM_PACKAGES=(
    qgis python3-qgis python3-venv
    python3-numpy python3-scipy python3-shapely python3-pyproj python3-pil
    python3-soundfile python3-av python3-matplotlib
)

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

install_system_packages() {
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        check_without_dpkg
        return
    fi
    local present missing=() package become
    present=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${SYSTEM_PACKAGES[@]}" 2>/dev/null || true)
    for package in "${SYSTEM_PACKAGES[@]}"; do
        grep -qx "$package installed" <<<"$present" || missing+=("$package")
    done
    if [ ${#missing[@]} = 0 ]; then return; fi
    say "Missing from the system: ${missing[*]}"
    become=$(privilege) || fail "installing them needs an administrator. Ask one to run:

    apt-get update && apt-get install --no-install-recommends ${missing[*]}

and then run this command again."
    # A third party's broken package source must not stop us: whether the packages are to be had shows next.
    quietly "Reading the lists of the system's packages" "$LOGS/apt-update.txt" \
        $become timeout -k 20 15m apt-get update || say "    not every package source answered; going on"
    quietly "Installing ${#missing[@]} system packages and what they need (a few minutes)" "$LOGS/apt-install.txt" \
        $become env DEBIAN_FRONTEND=noninteractive timeout -k 20 40m \
        apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}" ||
        fail "the system's packages could not be installed (see above)"
}
