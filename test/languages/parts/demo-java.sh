# Real PowerNukkit servers with our plugin, behind the proxy of `make demo` and joined directly, with real players.
. "$(dirname "$0")/../part.sh"
need java javac mvn node
# The bots' library has its own packages.
[[ -d $root/test/bedrock/node_modules ]] || (cd "$root/test/bedrock" && npm ci --ignore-scripts --no-fund --no-audit)
bash "$root/test/bedrock/java/run.sh" | tee "$root/test/languages/out/demo-java.txt"
say "$(tail -1 "$root/test/languages/out/demo-java.txt")"
