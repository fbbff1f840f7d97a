#!/usr/bin/env bash
# Makes a Python with the wheel of client/python, for the driver.
set -euo pipefail
root=$(cd "$(dirname "$0")/../../../.." && pwd)
venv=$root/test/languages/out/driver-python
pip=("$venv/bin/python" -m pip install --quiet --disable-pip-version-check)
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
PYTHON=$venv/bin/python bash "$root/client/python/build.sh" >&2
"${pip[@]}" --constraint "$root/client/python/requirements.txt" grpcio protobuf
"${pip[@]}" --force-reinstall --no-deps "$root"/client/python/dist/kelpie-*.whl
