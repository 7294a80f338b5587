#!/usr/bin/env bash
# The long checks: faults, repeatability, long runs, anything as settings and labels, and damaged video. Hours in full.
#   tools/soak.sh [PART...]      parts of tools/soak.py, `input` and `fuzz`; all without arguments
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/venv.sh"
install dev
cd "$root"

[ $# -gt 0 ] || set -- kills interrupts disks caches network same cut looped many input fuzz
failed=""
for part in "$@"; do
  echo "--- $part"
  case "$part" in
    input) FERVIDEO_EXAMPLES=5000 "$python" -m pytest -q tests/test_any_input.py || failed="$failed $part" ;;
    fuzz) "$python" tools/fuzz.py --minutes 60 || failed="$failed $part" ;;
    *) "$python" tools/soak.py "$part" || failed="$failed $part" ;;
  esac
done
[ -z "$failed" ] || { echo "--- FAILED:$failed"; exit 1; }
