# PHP: loads every generated class. Debian has it all.
. "$(dirname "$0")/../common.sh"
debian 'php -r "exit(stream_resolve_include_path(\"Google/Protobuf/Internal/Message.php\") ? 0 : 1);"' \
  php-cli php-google-protobuf
generate
php load.php "$out" plugin.php ../frames.json
say "$(generated '*.php') generated files and plugin.php, with PHP $(php -r 'echo PHP_VERSION;')"
