#!/usr/bin/env bash
# Makes the files of a release in dist/release, from what is built: the package, its bill of materials, their sums.
# Publishes nothing, and needs no network.
set -euo pipefail
cd "$(dirname "$0")/../.."
changes=$(git status --porcelain)
if [ -n "$changes" ]; then
  printf 'A release is made of a commit, and these files are in none:\n%s\n' "$changes" >&2
  exit 1
fi
release=dist/release
rm -rf "$release"
mkdir -p "$release"
npm pack --silent --pack-destination "$release" >/dev/null
package=$(basename "$release"/*.tgz .tgz)
# A copy in a folder of the package's name, as npm takes the name from there. It has no tools of developers: with
# `--omit dev` npm would also leave packages out that both Kelpie and a tool use.
mkdir "$release/kelpie"
for file in package.json package-lock.json; do
  node -e '
    const json = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
    const { packages = {} } = json;
    for (const [path, { dev }] of Object.entries(packages)) if (dev) delete packages[path];
    for (const root of [json, packages[""]]) delete root?.devDependencies;
    process.stdout.write(JSON.stringify(json));
  ' <"$file" >"$release/kelpie/$file"
done
(cd "$release/kelpie" && npm sbom --package-lock-only --sbom-format cyclonedx) >"$release/$package.cdx.json"
rm -r "$release/kelpie"
(cd "$release" && sha256sum -- *.cdx.json *.tgz >SHA256SUMS)
printf 'of commit %s, in %s:\n' "$(git rev-parse HEAD)" "$release"
cat "$release/SHA256SUMS"
