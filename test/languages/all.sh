#!/usr/bin/env bash
# make test-languages: runs the parts one after the other, and prints a line for each: ok, not here or failed, the seconds,
# and what it says. A failed part shows its log. Ends with the count; the exit code is 1 if one failed. ONLY='go java': only
# these parts.
#
# A part is parts/<name>.sh. It exits with 0, or with 77 where a tool that it needs is not on this machine: that is a
# failure where CI=true. Its stdout is what it says, its stderr is its log.
set -uo pipefail
cd "$(dirname "$0")"
mkdir -p out

# None needs more, so a part that hangs ends.
LIMIT_S=900

passed=0 failed=0 absent=0
for part in ${ONLY:-stubs go java python conformance grpc-tools manuals demo-go demo-java}; do
  began=$SECONDS
  said=$(timeout "$LIMIT_S" bash "parts/$part.sh" 2>"out/$part.log")
  code=$?
  if [[ $code -eq 0 ]]; then
    verdict=ok passed=$((passed + 1))
  elif [[ $code -eq 77 && ${CI:-} != true ]]; then
    verdict='NOT HERE' absent=$((absent + 1))
  else
    verdict=FAILED failed=$((failed + 1))
    [[ $code -ne 77 ]] || said="not here: $said"
    [[ $code -ne 124 ]] || said="not over after $LIMIT_S s"
  fi
  printf '%-8s %-12s %4d s  %s\n' "$verdict" "$part" "$((SECONDS - began))" "${said//$'\n'/$'\n'                           }"
  [[ $verdict != FAILED ]] || sed "s/^/    /" "out/$part.log"
done

[[ $absent -eq 0 ]] || echo "$absent not here: their tools are not on this machine, so nothing of them was tested"
echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]
