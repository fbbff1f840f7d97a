#!/usr/bin/env bash
# Names judged in other languages: generates client code from protos/ and compiles it together with a
# small program, such as the author of a plugin writes. Says of each language `ok`, `not here` or
# `failed`, and exits with 1 if one failed.
set -uo pipefail
cd "$(dirname "$0")"
mkdir -p out

code=0
for language in java go php python; do
  printf '%-7s ' "$language"
  said=$(bash "$language/compile.sh" 2>"out/$language.log")
  case $? in
    0) echo "ok: $said" ;;
    77) echo "not here: $said" ;;
    *)
      echo failed
      cat "out/$language.log"
      code=1
      ;;
  esac
done
exit $code
