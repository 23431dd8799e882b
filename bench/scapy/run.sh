#!/usr/bin/env bash
# The highest rate without loss: `tarrafa capture` (archive, decoding, statistics) against the
# old recorder's job in Python with scapy (recorder.py), in the same run, on the same
# interface, at rising rates. A rate counts when every packet that was sent is there.
#
# Needs root, iproute2, jq, /usr/bin/python3 with scapy (Debian: python3-scapy), and a
# generator: XDPGEN names the xdpgen program, or it is built from ../shared/tools/xdpgen. All
# traffic stays in a network namespace made here.
#
#   bench/scapy/run.sh [-t SECONDS] [-m 64|imix] [-o OUTDIR] [-s "PPS…"] [-r "PPS…"]
#
# -s are the rates offered to scapy, -r those offered to tarrafa (0: flat out). Each program
# stops at the second rate in a row at which it loses something.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=4 mix=imix out=${TMPDIR:-/tmp}
slow="500 1000 1500 2000 2500 3000 4000 5000 7000 10000 14000 20000"
fast="200000 400000 600000 800000 1000000 1250000 1500000 1750000 2000000 0"
while getopts t:m:o:s:r: f; do
  case $f in t) seconds=$OPTARG;; m) mix=$OPTARG;; o) out=$OPTARG;; s) slow=$OPTARG;; r) fast=$OPTARG;; *) exit 1;; esac
done
/usr/bin/python3 -c 'import scapy' 2>/dev/null || { echo "python3 has no scapy: apt-get install python3-scapy" >&2; exit 1; }
. bench/veth.sh
begin_bench scapy
go build -o "$work/send" ./bench/scapy
make -s build

# offer PPS: sends, and sets sent and offered (packets a second).
offer() {
  if [ "$1" -gt 0 ] && [ "$1" -le 50000 ]; then
    in_ns "$work/send" -i va -mix "$mix" -pps "$1" -t "$seconds" >"$work/gen.out"
  else
    in_ns "$gen" -i vb -mix "$mix" -pps "$1" -t "$seconds" >"$work/gen.out"
  fi
  sent=$(awk '/^SENT/{print $2}' "$work/gen.out")
  offered=$(awk '/^SENT/{for(i=1;i<NF;i++) if($i=="pps") print $(i+1)}' "$work/gen.out")
}

# scapy PPS, tarrafa PPS: one run each; set kept besides.
scapy() {
  ip netns exec "$ns" /usr/bin/python3 bench/scapy/recorder.py vb "$work/rows" >"$work/out" &
  local pid=$! tries=0
  until grep -q ready "$work/out"; do
    sleep 0.1
    if [ $((tries++)) -gt 600 ]; then echo "scapy does not start" >&2; exit 1; fi
  done
  sleep 0.3
  offer "$1"
  drain "$pid" "$work/rows"
  kill -INT "$pid"
  wait "$pid" || true
  kept=$(awk '$1=="rows"{print $2}' "$work/out")
}

# drain PID FILE: waits until the process has worked off what it has.
drain() {
  local before=-1 now
  now=$(stat -c %s "$2")
  while [ "$before" != "$now" ]; do
    sleep 1
    before=$now
    now=$(stat -c %s "$2")
  done
}

tarrafa() {
  ip netns exec "$ns" ./tarrafa capture -i vb --data-dir "$work/data" --view none --no-page >"$work/out" 2>"$work/err" &
  local pid=$!
  sleep 1.5
  offer "$1"
  sleep 1
  kill -INT "$pid"
  wait "$pid"
  kept=$(jq .ledger.written "$work"/data/*/capture.json)
  rm -rf "$work/data"
  sync
}

printf '%-8s %10s %11s %11s %9s\n' program offered/s sent kept kept
declare -A best
for program in scapy tarrafa; do
  lost=0 best[$program]=0
  rates=$slow
  [ "$program" = tarrafa ] && rates=$fast
  for pps in $rates; do
    "$program" "$pps"
    awk -v p="$program" -v o="$offered" -v s="$sent" -v k="$kept" 'BEGIN{printf "%-8s %10.0f %11d %11d %8.3f%%\n", p, o, s, k, 100*k/s}'
    if [ "$kept" = "$sent" ]; then
      lost=0
      best[$program]=$(awk -v a="${best[$program]}" -v b="$offered" 'BEGIN{printf "%.0f", (a>b)?a:b}')
    elif [ $((++lost)) = 2 ]; then
      break
    fi
  done
done
echo
awk -v s="${best[scapy]}" -v t="${best[tarrafa]}" -v m="$mix" 'BEGIN{
  printf "highest rate without loss, mix %s: scapy %d/s, tarrafa %d/s", m, s, t
  if (s > 0) printf ": %.0f times as much", t/s
  print "" }'
