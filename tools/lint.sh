#!/bin/bash
# Style of all Python code, types of the core, syntax of the shell scripts.
source "$(dirname "$0")/common.sh"
status=0
step "ruff"
.venv/bin/ruff check --quiet . || status=1
step "mypy"
.venv/bin/mypy --no-error-summary || status=1
step "bash -n"
for script in tools/*.sh .ci/run; do bash -n "$script" || status=1; done
[ "$status" = 0 ] && say "Clean."
exit "$status"
