#!/usr/bin/env bash
# Client code for each language that has no client of ours, generated from protos/ and compiled with a small program, such as
# the author of a plugin writes; and the templates of those that have one. Says of each `ok`, `NOT HERE` or `FAILED`, and exits
# with 1 if one failed, else with 0: a tool that this machine lacks is no failure, but its line is loud.
set -uo pipefail
cd "$(dirname "$0")"
mkdir -p out

code=0
part() {
  local language=$1 said
  said=$("${@:2}" 2>"out/$language.log")
  case $? in
    0) printf 'ok        %-7s %s\n' "$language" "$said" ;;
    77) printf 'NOT HERE  %-7s %s\n' "$language" "$said" ;;
    *)
      printf 'FAILED    %-7s\n' "$language"
      cat "out/$language.log"
      code=1
      ;;
  esac
}

for language in cpp csharp kotlin php ruby rust; do
  part "$language" bash "$language/compile.sh"
done
# Their clients compile the same code: client/go, client/java and client/python.
for language in go java python; do
  part "$language" bash generate.sh "$language"
done
exit $code
