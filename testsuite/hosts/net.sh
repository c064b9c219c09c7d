#!/bin/sh
# Several hosts on one machine: network namespaces on a bridge, with links that can be slow, lossy, cut or deaf. Needs root.
#
#   net.sh up NAME HOSTS [DELAY_MS LOSS_PERMILLE RATE_MBIT]   make them (0: no delay, no loss, no limit)
#   net.sh cut NAME HOST | restore NAME HOST                  take the host's plug out, and put it back
#   net.sh mute NAME FROM TO                                  one way: nothing that FROM sends reaches TO (253: the hub)
#   net.sh pids NAME                                          processes of the hosts, one a line
#   net.sh down NAME                                          end what runs there, and remove everything
#
# The hosts are namespaces NAME-0, NAME-1, ... with addresses 10.83.0.1, 10.83.0.2, ...; NAME-hub (10.83.0.254) holds the bridge
# and is where a user would sit:
#
#   NAME-hub:  br0 ─┬─ p0 ═══ eth0  :NAME-0         p0 ═══ eth0 is a veth pair. The delay, loss and rate of what a host sends
#                   └─ p1 ═══ eth0  :NAME-1         are tc's netem; where the kernel has none, both ends are tap devices, and
#                                                   wire.c carries the frames between them.
# A job is started so:
#
#   net.sh up lab 2
#   ip netns exec lab-hub caperun --host lab-0:2,lab-1:2 --launch-agent 'ip netns exec {host}' ./prog
set -eu

here=$(dirname "$0")
state=${TMPDIR:-/tmp}

# The namespace of a host by its number; 253 is the hub.
space() {
    [ "$2" = 253 ] && echo "$1-hub" || echo "$1-$2"
}

die() {
    echo "net.sh: $*" >&2
    exit 1
}

usage() {
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

hosts() {
    ip netns list | sed -n "s/^\($1-[0-9a-z]*\).*/\1/p"
}

down() {
    # A wire's taps go with it; the kernel removes pairs and bridge with their namespaces.
    wire="$state/$1.wire"
    if [ -f "$wire" ]; then
        read -r pid < "$wire"
        kill -9 "$pid" 2> /dev/null || true
        rm -f "$wire"
    fi
    for host in $(hosts "$1"); do
        ip netns pids "$host" | xargs -r kill -9 2> /dev/null || true
        # Another test may be sweeping, too.
        ip netns del "$host" 2> /dev/null || [ ! -e "/run/netns/$host" ] || die "cannot remove the namespace $host"
    done
}

# Removes what tests have left that were killed: their process id is in the name.
sweep() {
    ip netns list | sed -n 's/^cape\([0-9]*\)\(x[0-9]*\)-hub.*/\1 \2/p' | while read -r pid rest; do
        [ -d "/proc/$pid" ] || down "cape$pid$rest"
    done
}

netem() {
    ip netns exec "$1-hub" tc qdisc add dev lo root netem delay 1ms 2> /dev/null || return 1
    ip netns exec "$1-hub" tc qdisc del dev lo root
}

up() {
    name=$1 count=$2 delay=${3:-0} loss=${4:-0} rate=${5:-0}
    hub=$name-hub
    sweep
    trap 'down "$name"' EXIT
    ip netns add "$hub"
    ip -n "$hub" link set lo up
    ip -n "$hub" link add br0 type bridge
    ip -n "$hub" address add 10.83.0.254/24 dev br0
    ip -n "$hub" link set br0 up
    i=0
    while [ $i -lt "$count" ]; do
        ip netns add "$name-$i"
        ip -n "$name-$i" link set lo up
        i=$((i + 1))
    done
    slow=no
    [ "$delay$loss$rate" = 000 ] || slow=yes
    if [ $slow = yes ] && ! netem "$name"; then
        slow=wired
        "${CC:-cc}" -O2 -o "$state/$name.wire.exe" "$here/wire.c"
        mkfifo "$state/$name.ready"
        "$state/$name.wire.exe" "$name" "$count" "$delay" "$loss" "$rate" > "$state/$name.ready" 2>&1 < /dev/null &
        echo $! > "$state/$name.wire"
        read -r answer < "$state/$name.ready" || answer='it said nothing'
        rm -f "$state/$name.ready" "$state/$name.wire.exe"
        [ "$answer" = ready ] || die "wire.c: $answer"
    fi
    i=0
    while [ $i -lt "$count" ]; do
        [ $slow = wired ] || ip -n "$hub" link add "p$i" type veth peer name eth0 netns "$name-$i"
        ip -n "$hub" link set "p$i" master br0
        ip -n "$hub" link set "p$i" up
        ip -n "$name-$i" address add 10.83.0.$((i + 1))/24 dev eth0
        ip -n "$name-$i" link set eth0 up
        if [ $slow = yes ]; then
            set -- delay "${delay}ms" loss "$(echo "$loss" | awk '{ print $1 / 10 }')%" limit 10000
            [ "$rate" = 0 ] || set -- "$@" rate "${rate}mbit"
            tc -n "$name-$i" qdisc add dev eth0 root netem "$@"
        fi
        i=$((i + 1))
    done
    trap - EXIT
}

[ $# -ge 2 ] || usage
command=$1 name=$2
case $command in
    up) [ $# -ge 3 ] || usage; shift; up "$@" ;;
    down) down "$name" ;;
    cut) ip -n "$name-hub" link set "p$3" down ;;
    restore) ip -n "$name-hub" link set "p$3" up ;;
    mute)
        ip netns exec "$(space "$name" "$4")" nft "add table ip cape; add chain ip cape in { type filter hook input priority 0; };
            add rule ip cape in ip saddr 10.83.0.$(($3 + 1)) drop" ;;
    pids) for host in $(hosts "$name"); do ip netns pids "$host"; done ;;
    *) usage ;;
esac
