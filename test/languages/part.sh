# Sourced by each part of `make test-languages`: where things are, and how to say what came of it.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# What was installed stays here, so that the next run is quick, also that of another clone of the repository.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kelpie/languages
mkdir -p "$cache"

# Only what is said goes to stdout; what the tools print is of interest when one fails.
exec 3>&1 1>&2
say() {
  echo "$*" >&3
}

# 77 is the usual exit code of a test that was skipped.
not_here() {
  say "$*"
  exit 77
}

# need <tool>...: ends here with the names of all that are missing.
need() {
  local tool missing=()
  for tool in "$@"; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  [[ ${#missing[@]} -eq 0 ]] || not_here "${missing[*]}"
}

# tests <module>: runs a module of mocha, of dist/test.
tests() {
  (cd "$root" && node_modules/.bin/mocha --no-config --exit --forbid-pending --timeout 60000 "dist/test/$1")
}
