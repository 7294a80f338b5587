#!/usr/bin/env bash
# Lint, format, types and tests, each whatever became of the one before; exits 1 where any failed.
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
# Said here, since pytest is to have the last word.
[ -z "$failed" ] || echo "--- FAILED so far:$failed"
check pytest -rs "$@"
[ -z "$failed" ]
