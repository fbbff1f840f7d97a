# A network of Dragonfly servers and a proxy on gophertunnel, all with the Go client, with real players.
. "$(dirname "$0")/../part.sh"
need go node
bash "$root/test/bedrock/go/run.sh" | tee "$root/test/languages/out/demo-go.txt"
say "$(tail -1 "$root/test/languages/out/demo-go.txt")"
