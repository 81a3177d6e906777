#!/bin/bash
# Resolve requirements/*.in into locks: exact versions and hashes, valid for every system. Installing a lock needs
# nothing but pip.
#   requirements/dev.lock, qgis-tests.lock   Python from 3.11 on (which Debian 12 has)
#   resources/environment/models.lock        what users' environments get, Python 3.10 to 3.14, all but torch
#   resources/environment/torch.lock         torch, torchvision and what only they need (CUDA's libraries on Linux)
source "$(dirname "$0")/common.sh"
if [ ! -x build/venv-lock/bin/uv ]; then
    "$PYTHON" -m venv build/venv-lock
    quietly "Installing uv" "$LOGS/pip-lock.txt" build/venv-lock/bin/python -m pip install -r requirements/lock.in
fi

# compile PYTHON SOURCE: the lock of requirements/SOURCE.in on standard output.
compile() {
    local scratch
    scratch=$(mktemp -d)
    (cd requirements && ../build/venv-lock/bin/uv pip compile --quiet --universal --python-version "$1" \
        --generate-hashes --no-emit-index-url --no-header --upgrade "$2.in" -o "$scratch/lock")
    cat "$scratch/lock"
    rm -rf "$scratch"
}

# family yes|no: of a lock only what belongs to torch, or only the rest. A requirement and its hashes are one entry.
family() {
    awk -v wanted="$1" '
        /^[A-Za-z0-9]/ { kept = ($0 ~ /^(torch|torchvision|triton|nvidia-[a-z0-9-]+|cuda-[a-z]+)==/) ? "yes" : "no" }
        kept == wanted'
}

# write FILE: standard input becomes FILE, whole or not at all.
write() {
    cat >"$1.part"
    [ -s "$1.part" ] || fail "$1 came out empty"
    mv "$1.part" "$1"
    say "$1: $(grep -c '^[A-Za-z]' "$1") packages"
}

mkdir -p resources/environment
compile 3.11 dev | family no | write requirements/dev.lock
compile 3.11 qgis-tests | write requirements/qgis-tests.lock
models=$(compile 3.10 models)
family no <<<"$models" | write resources/environment/models.lock
family yes <<<"$models" | write resources/environment/torch.lock
