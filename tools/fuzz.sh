#!/usr/bin/env bash
# Runs every fuzz target of the project for some seconds each: tools/fuzz.sh SECONDS
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-3}
n=0
while IFS=: read -r file name; do
  dir=$(dirname "$file")
  out=$(go test -run '^$' -fuzz "^${name}\$" -fuzztime "${seconds}s" "./$dir" 2>&1) || { echo "$out"; echo "FAIL $dir $name"; exit 1; }
  printf '%s %s: %s\n' "$dir" "$name" "$(printf '%s\n' "$out" | grep -o 'execs: [0-9]*' | tail -1)"
  n=$((n + 1))
done < <(git ls-files '*_test.go' | xargs grep -Ho '^func Fuzz[A-Za-z0-9_]*' | sed 's/:func /:/')
echo "$n fuzz targets passed"
[ "$n" -gt 0 ]
