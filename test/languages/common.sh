# Sourced by the compile.sh of each language: what a part has (part.sh), and the folders of the language.
. "$(dirname "${BASH_SOURCE[0]}")/part.sh"
. "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
cd "$(dirname "$0")"

language=$(basename "$PWD")
out=$root/test/languages/out/$language
# Old code would hide that a name is gone.
rm -rf "$out"
mkdir -p "$out"

# generate: makes the code of the language in $out; ends here if a tool for it is missing.
generate() {
  local said code=0
  said=$(bash ../generate.sh "$language" "$out") || code=$?
  [[ $code -ne 77 ]] || not_here "$said"
  return $code
}

# generated <pattern>: how many files were generated.
generated() {
  find "$out" -name "$1" | wc -l
}

# once <version> <command>...: runs the command, unless it succeeded before with the same code, program and version of the
# compiler: a contract that did not change is not compiled again.
unchanged=
once() {
  local sum stamp
  sum=$({ echo "$1"; find . "$out" -type f | sort | xargs cat; } | sha256sum | cut -c1-32)
  stamp=$cache/compiled/$language-$sum
  if [[ -e $stamp ]]; then
    unchanged=' (an earlier run compiled the same)'
    return
  fi
  "${@:2}"
  mkdir -p "$cache/compiled"
  touch "$stamp"
}
