# Sourced after part.sh: finds tools, or installs them from a registry.
# debian <check> <package>...: if the check fails, the packages are missing. In CI root installs them. Elsewhere their names
# are printed: a script does not change the machine of a person.
debian() {
  local check=$1
  shift
  eval "$check" >/dev/null 2>&1 && return
  if [[ ${CI:-} = true && $(id -u) = 0 ]] && command -v apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@"
  fi
  eval "$check" >/dev/null 2>&1 || not_here "apt-get install $*"
}

# maven <group:artifact:version:type:classifier> <file>: a file of Maven Central, in the cache.
maven() {
  [[ -s $2 ]] && return
  command -v mvn >/dev/null || not_here mvn
  local folder
  folder=$(mktemp -d "$cache/maven.XXXXXX")
  mvn --quiet --batch-mode org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
    -Dartifact="$1" -DoutputDirectory="$folder"
  mkdir -p "$(dirname "$2")"
  mv "$folder"/* "$2"
  chmod +x "$2"
  rmdir "$folder"
}
