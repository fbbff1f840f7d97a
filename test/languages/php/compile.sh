# PHP: everything is a package of Debian: php-cli, php-google-protobuf, protobuf-compiler and
# protobuf-compiler-grpc.
. "$(dirname "$0")/../common.sh"
need php protoc grpc_php_plugin
[[ $(php -r 'echo stream_resolve_include_path("Google/Protobuf/Internal/Message.php");') ]] ||
  not_here php-google-protobuf

buf generate "$protos" --template buf.gen.yaml --output "$out"
php load.php "$out" plugin.php ../frames.json
say "$(generated '*.php') generated files and plugin.php, with PHP $(php -r 'echo PHP_VERSION;')"
