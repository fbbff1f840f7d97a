#!/usr/bin/env bash
# Installs redis-server for the tests where it may, else says how and fails. Debian's package is 7.0.
set -euo pipefail
have() { command -v redis-server > /dev/null && command -v redis-cli > /dev/null; }
have && exit 0
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)
if command -v apt-get > /dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2> /dev/null; }; then
  echo 'installing redis-server, which the tests start'
  # With the package comes a service that nobody needs here: it must not start.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" > /dev/null
    "${as_root[@]}" chmod +x "$policy"
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
  fi
  "${as_root[@]}" apt-get -qq update > /dev/null || true
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends redis-server redis-tools > /dev/null
fi
have && exit 0
echo 'The tests start a redis-server of 7.0 or newer, and there is none. Install it: apt-get install redis-server' >&2
exit 1
