#!/usr/bin/env bash
# make gen-<language> OUT=<folder>: client code of kelpie/v1 for a language. Its template is <language>/buf.gen.yaml, with
# local plugins alone; <language>/tools.sh provides those that a registry has. Without OUT it goes into out/gen-<language>,
# which git ignores. Exit code 77: a tool is not on this machine, and its name is on stdout.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/part.sh"
language=${1:?a language}
[[ -f $here/$language/tools.sh ]] || not_here "a language $language"
out=${2:-$here/out/gen-$language}
mkdir -p "$out"
out=$(cd "$out" && pwd)
generate() {
  node_modules/.bin/buf generate --template "test/languages/$language/buf.gen.yaml" --output "$out" --path protos/kelpie/v1
}
. "$here/tools.sh"
# Another run may install the same tools.
exec 9>"$cache/$language.lock"
! command -v flock >/dev/null || flock 9
. "$here/$language/tools.sh"
cd "$root"
generate
say "$(find "$out" -type f | wc -l) files${LEFT_OUT:+; $LEFT_OUT} (in $out)"
