#!/usr/bin/env bash
# Lossless rate of a live capture: tarrafa (archive, decoding, statistics) against
# tcpdump -w on the same file system, in the same run, turn by turn.
#
# Needs root, iproute2, tcpdump, jq, and a generator: XDPGEN names the xdpgen program, or it is
# built from ../shared/tools/xdpgen. All traffic stays in a network namespace made here.
#
#   bench/lossless/run.sh [-t SECONDS] [-n ROUNDS] [-o OUTDIR] [-p "PPS…"] [-m "64 imix"] [-g GENERATORS]
#
# PPS 0 is flat out; with -g 2 two generators, each on a core and a queue of its own, offer
# PPS each. Prints a row for each run: what was offered, what was kept.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=4 rounds=3 out=${TMPDIR:-/tmp} rates="0" mixes="64 imix" generators=1
while getopts t:n:o:p:m:g: f; do
  case $f in t) seconds=$OPTARG;; n) rounds=$OPTARG;; o) out=$OPTARG;; p) rates=$OPTARG;; m) mixes=$OPTARG;; g) generators=$OPTARG;; *) exit 1;; esac
done
. bench/veth.sh
begin_bench bench "$generators"
[ -x ./tarrafa ] || make -s build

# measure NAME MIX PPS COMMAND…: starts the capture, offers packets, ends it, and sets
# sent, cpu (seconds), rss (KiB).
measure() {
  local mix=$1 pps=$2; shift 2
  /usr/bin/time -f '%U %S %M' -o "$work/time" ip netns exec "$ns" "$@" >"$work/out" 2>"$work/err" &
  local timer=$!
  sleep 1.2
  local children=() g
  : >"$work/gen.out"
  for ((g = 0; g < generators; g++)); do
    in_ns "$gen" -i vb -mix "$mix" -pps "$pps" -cpu "$g" -t "$seconds" >>"$work/gen.out" &
    children+=("$!")
  done
  wait "${children[@]}"
  sleep 1
  pkill -INT -P "$timer" 2>/dev/null || true
  wait "$timer" || true
  sent=$(awk '/^SENT/{n+=$2} END{print n+0}' "$work/gen.out")
  offered=$(awk '/^SENT/{for(i=1;i<NF;i++) if($i=="pps") n+=$(i+1)} END{print n+0}' "$work/gen.out")
  read -r user sys rss < <(tail -1 "$work/time")
  cpu=$(awk -v u="$user" -v s="$sys" 'BEGIN{print u+s}')
}

row() { # NAME MIX PPS kept dropped
  awk -v n="$1" -v m="$2" -v o="$offered" -v s="$sent" -v k="$4" -v d="$5" -v c="$cpu" -v r="$rss" \
    'BEGIN{printf "%-10s %-5s %10.0f %11d %11d %10d %8.3f%% %7.0f %7.1f\n", n, m, o, s, k, d, 100*k/s, c*1e9/(k?k:1), r/1024}'
}

printf '%-10s %-5s %10s %11s %11s %10s %9s %7s %7s\n' program mix offered/s sent kept dropped kept cpu-ns RSS-MiB
for mix in $mixes; do
  for pps in $rates; do
    for _ in $(seq "$rounds"); do
      measure "$mix" "$pps" ./tarrafa capture -i vb --data-dir "$work/data" --view none --no-page ${FLAGS:-}
      kept=$(jq .ledger.written "$work"/data/*/capture.json)
      drop=$(jq .ledger.dropped_by_kernel "$work"/data/*/capture.json)
      row tarrafa "$mix" "$pps" "${kept:-0}" "${drop:-0}"
      rm -rf "$work/data"; sync
      measure "$mix" "$pps" tcpdump -n -p -i vb -B 65536 -w "$work/tcpdump.pcap"
      kept=$(awk '/packets captured/{print $1}' "$work/err")
      drop=$(awk '/dropped by kernel/{print $1}' "$work/err")
      row tcpdump "$mix" "$pps" "${kept:-0}" "${drop:-0}"
      rm -f "$work/tcpdump.pcap"; sync
    done
  done
done
