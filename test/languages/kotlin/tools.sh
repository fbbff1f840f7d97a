# Kotlin's code stands on that of Java.
. "$here/java/tools.sh"
maven io.grpc:protoc-gen-grpc-kotlin:1.4.3:jar:jdk8 "$tools/grpc-kotlin.jar"
printf '#!/bin/sh\nexec java -jar "%s"\n' "$tools/grpc-kotlin.jar" >"$tools/protoc-gen-grpc-kotlin"
chmod +x "$tools/protoc-gen-grpc-kotlin"
