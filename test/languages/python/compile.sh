# Python: mypy is the compiler, which takes the kinds of frames for any text; so load.py runs them.
. "$(dirname "$0")/../common.sh"
need python3
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || not_here 'python3 3.10 or newer'
python3 -c 'import ensurepip, venv' 2>/dev/null || not_here python3-venv

venv=$cache/python
if ! cmp -s requirements.txt "$venv/requirements.txt"; then
  python3 -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
  cp requirements.txt "$venv"
fi

mapfile -t files < <(find "$protos" -name '*.proto')
"$venv/bin/python" -m grpc_tools.protoc --proto_path="$protos" \
  --python_out="$out" --pyi_out="$out" --grpc_python_out="$out" "${files[@]}"
export PYTHONPATH=$out MYPYPATH=$out PYTHONDONTWRITEBYTECODE=1
"$venv/bin/mypy" --cache-dir="$cache/mypy" --no-error-summary plugin.py
"$venv/bin/python" load.py ../frames.json
say "$(generated '*_pb2*.py') generated modules and plugin.py, with $("$venv/bin/python" --version)"
