#!/usr/bin/env bash
# Reading a capture of 1.1 GB: `tarrafa stats FILE` against `tcpdump -nr FILE -w /dev/null`,
# turn by turn from the page cache. Prints wall and processor seconds, peak memory, and the
# ratio of the medians.
#
#   bench/stats/run.sh [FILE]      (without FILE one is made by bench/corpus)
set -euo pipefail
cd "$(dirname "$0")/../.."
make -s build
file=${1:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -z "$file" ]; then
  file=$work/corpus.pcap
  go run ./bench/corpus -o "$file"
fi
cat "$file" >/dev/null
run() { # NAME COMMAND…
  local name=$1; shift
  /usr/bin/time -f "$name %e %U %S %M" -a -o "$work/times" "$@" >/dev/null 2>&1
}
for _ in 1 2 3 4 5; do
  run tarrafa ./tarrafa stats "$file"
  run tcpdump tcpdump -nr "$file" -w /dev/null
done
packets=$(./tarrafa stats --json "$file" | jq .packets)
printf '%s packets, %s bytes\n' "$packets" "$(stat -c %s "$file")"
printf '%-8s %8s %8s %10s %9s\n' program wall-s cpu-s ns/packet RSS-MiB
awk -v n="$packets" '
  { k=$1; c[k]++; w[k,c[k]]=$2; p[k,c[k]]=$3+$4; if ($5>m[k]) m[k]=$5 }
  function median(a, k, n,   i, j, t, v) { for(i=1;i<=n;i++) v[i]=a[k,i]; for(i=1;i<=n;i++) for(j=i+1;j<=n;j++) if(v[j]<v[i]){t=v[i];v[i]=v[j];v[j]=t} return v[int((n+1)/2)] }
  END { for (k in c) { mw[k]=median(w,k,c[k]); printf "%-8s %8.2f %8.2f %10.0f %9.1f\n", k, mw[k], median(p,k,c[k]), mw[k]*1e9/n, m[k]/1024 }
        printf "tarrafa is %.2f times as fast as tcpdump (wall, medians of 5)\n", mw["tcpdump"]/mw["tarrafa"] }' "$work/times"
