#!/usr/bin/env bash
# Runs lint, format, types and tests, each even if one before failed; exits 1 if any failed.
# Arguments go to pytest: tools/test.sh -k crops
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/venv.sh"
install dev
cd "$root"

failed=""
check() {
  echo "--- $*"
  "$python" -m "$@" || failed="$failed  $1 $2"
}

check ruff check .
check ruff format --check .
check mypy fervideo tools
# Printed here, so that pytest's summary comes last.
[ -z "$failed" ] || echo "--- FAILED so far:$failed"
# A file stays in one process, so that its fixtures are made once. Each process computes on one thread: with more, they
# wait for one another, and the recipes take twice as long.
export OMP_NUM_THREADS=1
check pytest -rs --numprocesses auto --maxprocesses 4 --dist loadfile "$@"
[ -z "$failed" ]
