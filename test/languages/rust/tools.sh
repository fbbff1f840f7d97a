command -v cargo >/dev/null || not_here cargo
export PATH=$cache/rust-plugins/bin:$PATH
if [[ ! -x $cache/rust-plugins/bin/protoc-gen-tonic || ! -x $cache/rust-plugins/bin/protoc-gen-prost ]]; then
  cargo install --quiet --locked --root "$cache/rust-plugins" protoc-gen-prost@0.5.0 protoc-gen-tonic@0.5.0
fi
