# Sourced by demo.sh and test.sh. Makes .venv beside pyproject.toml and installs this checkout into it, once.
#
#   install EXTRA    afterwards "$root" is the checkout and "$python" the interpreter that has fervideo[EXTRA]

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
python="$root/.venv/bin/python"
# The caller's environment must not replace the installed packages.
unset PYTHONPATH PYTHONHOME

is_suitable() {
  "$1" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' >/dev/null 2>&1
}

make_venv() {
  local candidate
  for candidate in python3.11 python3 python3.12; do
    if is_suitable "$candidate"; then
      "$candidate" -m venv --clear "$root/.venv"
      return
    fi
  done
  echo "fervideo needs Python 3.11 or 3.12 with its venv module; python3.11, python3 and python3.12 are not that." \
    "On Debian 12: sudo apt-get install python3 python3-venv" >&2
  return 1
}

install() {
  local extra="$1"
  local stamp="$root/.venv/installed-$extra" wanted
  wanted="$root"$'\n'"$(cat "$root/pyproject.toml")"
  if is_suitable "$python" && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    return
  fi
  is_suitable "$python" || make_venv || return
  echo "Installing fervideo[$extra] into $root/.venv: minutes the first time" >&2
  "$python" -m pip install --quiet --disable-pip-version-check --editable "$root[$extra]" || return
  printf '%s\n' "$wanted" >"$stamp"
}
