#!/bin/bash
# Set up all that the tasks need: the system's packages, then the two virtual environments.
# Done before and nothing changed: a look, and nothing else.
source "$(dirname "$0")/common.sh"
source tools/system_packages.sh

# Where the CPU builds of torch are: without CUDA a tenth of the size.
TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu

# install_torch FOLDER: the pair of requirements/torch.in, CPU builds, and nothing that it would bring along: what
# torch needs is in the lock. The first try does without the official index, for a pip that is set up to find the
# builds elsewhere (PIP_FIND_LINKS, PIP_EXTRA_INDEX_URL). torchvision may come without the local version "+cpu".
install_torch() {
    local folder=$1 torch vision build="" index=${PIP_EXTRA_INDEX_URL:-}
    local pip=("$folder/bin/python" -m pip install --no-input --progress-bar off --only-binary :all: --no-deps)
    torch=$(grep -o '^torch==[0-9.]*' requirements/torch.in)
    vision=$(grep -o '^torchvision==[0-9.]*' requirements/torch.in)
    [ "$(uname)" = Darwin ] || build="+cpu" # on a Mac there is one build
    timeout -k 20 20m "${pip[@]}" "$torch$build" "$vision" ||
        PIP_EXTRA_INDEX_URL="$index $TORCH_CPU_INDEX" timeout -k 20 30m "${pip[@]}" "$torch$build" "$vision"
}

# make_environment FOLDER LOCK VENV_OPTION PIP_OPTION [torch]: made anew whenever the lock or Python changes; the
# stamp is written last, so a broken-off run starts over.
make_environment() {
    local folder=$1 lock=$2 venv_option=$3 pip_option=$4 with=${5:-} key
    key="$("$PYTHON" -c 'import sys; print(sys.version)' | digest - "$lock" ${with:+requirements/torch.in} | cut -c 1-40) $folder"
    if [ "$(cat "$folder/.stamp" 2>/dev/null)" = "$key" ]; then return; fi
    rm -rf "$folder"
    mkdir -p "$(dirname "$folder")" "$LOGS"
    # shellcheck disable=SC2086
    "$PYTHON" -m venv $venv_option "$folder"
    if [ "$with" = torch ]; then
        quietly "Installing torch into ${folder#"$ROOT"/} (about 200 MB)" "$LOGS/pip-torch.txt" install_torch "$folder" ||
            fail "torch could not be installed (see above)"
    fi
    # shellcheck disable=SC2086
    quietly "Installing $lock into ${folder#"$ROOT"/}" "$LOGS/pip-$(basename "$lock").txt" \
        timeout -k 20 30m "$folder/bin/python" -m pip install --no-input --progress-bar off --only-binary :all: \
        --require-hashes $pip_option -r "$lock" || fail "the packages of $lock could not be installed (see above)"
    printf '%s' "$key" >"$folder/.stamp"
}

install_system_packages
make_environment "$ROOT/.venv" requirements/dev.lock "" --no-deps torch
make_environment "$ROOT/build/venv-qgis" requirements/qgis-tests.lock --system-site-packages --no-deps
