#!/usr/bin/env bash
# Builds what the demo runs: the jars of PowerNukkit, our plugin, and another plugin that uses it. Then runs the demo.
set -euo pipefail
cd "$(dirname "$0")"
root=$PWD/../../..
plugin=$root/client/java/nukkit/target/kelpie-nukkit-0.1.0.jar
mvn -q -B --no-transfer-progress -f "$root/client/java/pom.xml" -pl nukkit -am package -Dmaven.test.skip=true
mvn -q -B --no-transfer-progress compile
rm -rf target/greeter target/plugins
mkdir -p target/greeter target/plugins
javac --release 17 -d target/greeter -cp "$plugin:target/server/*" greeter/GreeterPlugin.java
cp greeter/plugin.yml target/greeter
jar --create --file target/plugins/greeter.jar -C target/greeter .
cp "$plugin" target/plugins/kelpie.jar
# The game of the servers. The bots and the proxy speak it.
BEDROCK_VERSION=1.18.30 exec node "$root/dist/test/bedrock/java/demo.js"
