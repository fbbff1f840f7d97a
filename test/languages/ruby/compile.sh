# Ruby: loads every generated file, the stubs too, and runs plugin.rb.
. "$(dirname "$0")/../common.sh"
debian 'ruby -e "require %q(grpc); require %q(google/protobuf)"' ruby ruby-google-protobuf ruby-grpc
generate
ruby -W:no-deprecated -I "$out" plugin.rb "$out" ../frames.json
say "$(generated '*.rb') generated files and plugin.rb, with $(ruby --version | cut -d' ' -f1-2)"
