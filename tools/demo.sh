#!/usr/bin/env bash
# Installs fervideo into .venv and analyses a sample clip. Arguments go to `fervideo demo`: tools/demo.sh -o DIR
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/venv.sh"
install demo
exec "$python" -m fervideo demo "$@"
