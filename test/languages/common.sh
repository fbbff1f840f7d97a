# Sourced by the compile.sh of each language: where things are, and how to say what came of it.
set -euo pipefail
cd "$(dirname "$0")"

root=$(cd ../../.. && pwd)
protos=$root/protos
out=$root/test/languages/out/$(basename "$PWD")
# What was downloaded stays here, so that the next run is quick.
cache=$root/test/languages/out/cache

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

# generated <pattern>: how many files were generated.
generated() {
  find "$out" -name "$1" | wc -l
}

# buf is a tool of the project's own.
buf() {
  "$root/node_modules/.bin/buf" "$@"
}

# Old code would hide that a name is gone.
rm -rf "$out"
mkdir -p "$out" "$cache"
