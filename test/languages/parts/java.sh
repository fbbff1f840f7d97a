# The Java client and the plugins: mvn verify.
. "$(dirname "$0")/../part.sh"
need java mvn node
mvn --batch-mode --no-transfer-progress --file "$root/client/java/pom.xml" verify
ran=$(cat "$root"/client/java/*/target/surefire-reports/TEST-*.xml | grep -o '<testcase ' | wc -l)
say "$ran tests, with $(java -version 2>&1 | head -1)"
