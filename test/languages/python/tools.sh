# grpcio-tools has its plugins in its protoc, where buf cannot call them.
command -v python3 >/dev/null || not_here python3
venv=$cache/python-plugins
if [[ ! -e $venv/ready ]]; then
  python3 -m venv --clear "$venv" || not_here 'the module venv of python3'
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check grpcio-tools==1.85.1
  touch "$venv/ready"
fi
generate() {
  "$venv/bin/python" -m grpc_tools.protoc --proto_path=protos \
    --python_out="$out" --pyi_out="$out" --grpc_python_out="$out" protos/kelpie/v1/*.proto
}
