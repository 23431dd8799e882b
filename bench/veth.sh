# shellcheck shell=bash
# What the benches of live capture have in common. They source it from the repository's root
# with out (a folder) set, and get:
#
#   work   a folder of their own, removed at the end
#   gen    the generator's program: XDPGEN, or built from ../shared/tools/xdpgen
#   ns     a network namespace of their own with the pair va, vb, deleted at the end
#   in_ns COMMAND…   runs a command there
#
# begin_bench NAME [QUEUES] makes all of it; the interfaces have so many queues.
begin_bench() {
  [ "$(id -u)" = 0 ] || { echo "run as root: network namespaces are made" >&2; exit 5; }
  work=$(mktemp -d "$out/tarrafa-$1.XXXXXX")
  ns="tf$1$$"
  trap 'ip netns del "$ns" 2>/dev/null || true; rm -rf "$work"' EXIT
  gen=${XDPGEN:-}
  if [ -z "$gen" ]; then
    cp -r ../shared/tools/xdpgen "$work/xdpgen" && chmod -R u+w "$work/xdpgen"
    (cd "$work/xdpgen" && go build -o ../gen .)
    gen=$work/gen
  fi
  local queues="numtxqueues ${2:-1} numrxqueues ${2:-1}"
  ip netns add "$ns"
  in_ns sh -c "ip link add va $queues type veth peer name vb $queues && ip link set va up && ip link set vb up && ip link set lo up; sysctl -qw net.ipv6.conf.va.disable_ipv6=1 net.ipv6.conf.vb.disable_ipv6=1"
}

in_ns() { ip netns exec "$ns" "$@"; }
