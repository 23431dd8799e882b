#!/usr/bin/env bash
# Runs every fuzz target of the project for some seconds each: tools/fuzz.sh SECONDS
# A package is built once for all of its targets; what they find interesting is kept where
# go test -fuzz keeps it.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-3}
corpus=$(go env GOCACHE)/fuzz
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0
total=0
start=$SECONDS
for dir in $(git ls-files '*_test.go' | xargs grep -l '^func Fuzz' | xargs -n1 dirname | sort -u); do
  go test -c -fuzz=. -o "$tmp/fuzz.test" "./$dir"
  package=$(go list "./$dir")
  for name in $(cat "$dir"/*_test.go | grep -o '^func Fuzz[A-Za-z0-9_]*' | sed 's/^func //' | sort); do
    begin=$SECONDS
    for time in "$seconds" "$((4 * seconds))"; do # a slow machine may need the first only to look at the corpus
      out=$(cd "$dir" && "$tmp/fuzz.test" -test.run '^$' -test.fuzz "^${name}\$" -test.fuzztime "${time}s" -test.fuzzcachedir "$corpus/$package" 2>&1) ||
        { echo "$out"; echo "FAIL $dir $name"; exit 1; }
      execs=$(printf '%s\n' "$out" | grep -o 'execs: [0-9]*' | tail -1 | grep -o '[0-9]*' || true)
      [ -z "$execs" ] || break
    done
    [ -n "$execs" ] || { echo "$out"; echo "FAIL $dir $name: nothing was tried"; exit 1; }
    printf '%s %s: %s executions, %d s\n' "$dir" "$name" "$execs" "$((SECONDS - begin))"
    n=$((n + 1)) total=$((total + execs))
  done
done
echo "$n fuzz targets passed, $total executions, $((SECONDS - start)) s"
[ "$n" -gt 0 ]
