# Rust: compiles the generated code with src/main.rs, and runs it.
. "$(dirname "$0")/../common.sh"
need cargo
generate
export KELPIE_V1=$out/kelpie CARGO_TARGET_DIR=$cache/rust
cargo run --quiet --locked
say "$(generated '*.rs') generated files and main.rs, with $(cargo --version | cut -d' ' -f1-2)"
