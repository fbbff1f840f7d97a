#!/usr/bin/env bash
# Makes the wheel in client/python/dist. With PYTHON it uses that Python; it needs pip, and PyPI or its cache.
set -euo pipefail
cd "$(dirname "$0")"
rm -rf dist build src/kelpie.egg-info
"${PYTHON:-python3}" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
rm -rf build src/kelpie.egg-info
ls dist/*.whl
