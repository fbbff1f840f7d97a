# The libraries of all languages against the scenarios of the contract.
. "$(dirname "$0")/../part.sh"
need node
cd "$root"
node dist/test/conformance/main.js | tee "$root/test/languages/out/conformance.txt"
say "$(tail -1 "$root/test/languages/out/conformance.txt")"
