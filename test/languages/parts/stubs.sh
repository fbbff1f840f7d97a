# Generated code and a small plugin in each language, compiled where its tools are.
. "$(dirname "$0")/../part.sh"
bash "$root/test/languages/languages.sh" >&3
