# The Python client: its wheel, installed in a Python of its own, with its tests and the types of mypy.
. "$(dirname "$0")/../part.sh"
need python3 node
cd "$root/client/python"
venv=$root/test/languages/out/python-client
[[ -x $venv/bin/python ]] || python3 -m venv "$venv" || not_here 'the module venv of python3'
pip=("$venv/bin/python" -m pip --disable-pip-version-check --quiet)
"${pip[@]}" install --requirement requirements.txt
PYTHON=$venv/bin/python bash build.sh
"${pip[@]}" install --no-deps --force-reinstall dist/kelpie-*.whl
"$venv/bin/python" -m pytest -q
say "$("$venv/bin/python" --version)"
