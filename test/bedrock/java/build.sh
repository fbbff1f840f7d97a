#!/usr/bin/env bash
# Builds what the demo runs: the jars of PowerNukkit, our plugin, and another plugin that uses it. It needs JDK 17 and Maven.
set -euo pipefail
cd "$(dirname "$0")"
plugin=../../../client/java/nukkit/target/kelpie-nukkit-0.1.0.jar
mvn -q -B -f ../../../client/java/pom.xml -pl nukkit -am package -Dmaven.test.skip=true
mvn -q -B compile
rm -rf target/greeter && mkdir -p target/greeter target/plugins
javac --release 17 -d target/greeter -cp "$plugin:target/server/*" greeter/GreeterPlugin.java
cp greeter/plugin.yml target/greeter
jar --create --file target/plugins/greeter.jar -C target/greeter .
cp "$plugin" target/plugins/kelpie.jar
