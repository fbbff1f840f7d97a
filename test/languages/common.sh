# Sourced by the compile.sh of each language: what a part has (part.sh), and the folders of the language.
. "$(dirname "${BASH_SOURCE[0]}")/part.sh"
cd "$(dirname "$0")"

protos=$root/protos
out=$root/test/languages/out/$(basename "$PWD")

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
mkdir -p "$out"
