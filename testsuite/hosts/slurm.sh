#!/usr/bin/env bash
# A Slurm of several virtual nodes on this machine, for tests: munged, slurmctld and one slurmd a node, all in a directory of their
# own, on ports that are free now. Needs root, and Debian's packages slurmctld, slurmd, slurm-client and munge.
#
#   slurm.sh start DIR [NODES [CPUS]]   starts it and prints the path of slurm.conf: SLURM_CONF=DIR/slurm.conf srun ...
#   slurm.sh stop DIR                   ends it
#
# start ends with status 77 and one line on stderr where this cannot be done.
set -euo pipefail

skip() { echo "slurm.sh: $1" >&2; exit 77; }

start() {
    local dir=$1 nodes=${2:-4} cpus=${3:-2} tool
    for tool in munged slurmctld slurmd srun scontrol sinfo; do
        command -v "$tool" >/dev/null || PATH=$PATH:/usr/sbin command -v "$tool" >/dev/null || skip "$tool is not installed"
    done
    [ "$(id -u)" = 0 ] || skip "needs root"
    mkdir -p "$dir"/{state,spool,log}
    chmod 755 "$dir"
    local host ports=()
    host=$(hostname -s)
    mapfile -t ports < <(free_ports $((nodes + 1)))
    [ "${#ports[@]}" = $((nodes + 1)) ] || skip "no free ports"
    (umask 077; head -c 1024 /dev/urandom >"$dir/munge.key")
    munged --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" --pid-file="$dir/munged.pid" \
        --log-file="$dir/log/munged" --seed-file="$dir/munge.seed" || skip "munged does not start: $(tail -n 1 "$dir/log/munged")"
    {
        cat <<CONF
ClusterName=cape
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
CryptoType=crypto/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool/%n
TmpFS=$dir/tmp/%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd-%n.pid
SlurmctldLogFile=$dir/log/slurmctld
SlurmdLogFile=$dir/log/slurmd-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
MailProg=/bin/true
KillWait=2
InactiveLimit=0
SlurmdTimeout=0
MessageTimeout=60
CONF
        local node
        for ((node = 1; node <= nodes; node++)); do
            echo "NodeName=n$node NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[node]} CPUs=$cpus State=UNKNOWN"
        done
        echo "PartitionName=all Nodes=n[1-$nodes] Default=YES MaxTime=INFINITE State=UP"
    } >"$dir/slurm.conf"
    export SLURM_CONF=$dir/slurm.conf
    # Not in a directory that may go before they do.
    cd "$dir"
    # -D keeps them in the foreground: their process ids are then known here.
    slurmctld -D -c >"$dir/log/slurmctld.out" 2>&1 </dev/null &
    echo $! >>"$dir/pids"
    for ((node = 1; node <= nodes; node++)); do
        mkdir -p "$dir/spool/n$node" "$dir/tmp/n$node"
        slurmd -D -N "n$node" >"$dir/log/slurmd-n$node.out" 2>&1 </dev/null &
        echo $! >>"$dir/pids"
    done
    local deadline=$((SECONDS + 60))
    until [ "$(sinfo -h -t idle -o %D 2>/dev/null | head -n 1)" = "$nodes" ]; do
        if ((SECONDS > deadline)); then
            { sinfo -N -l; tail -n 5 "$dir"/log/*; } >&2 || true
            stop "$dir"
            skip "its nodes did not come up within 60 s"
        fi
        sleep 0.2
    done
    echo "$dir/slurm.conf"
}

# Ports nobody listens on: the kernel names them.
free_ports() {
    python3 - "$1" <<'PYTHON' 2>/dev/null || perl -MIO::Socket::INET -e '
        my @s = map { IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1:0") } 1 .. $ARGV[0];
        print $_->sockport, "\n" for @s;' "$1"
import socket, sys
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print("\n".join(str(one.getsockname()[1]) for one in held))
PYTHON
}

stop() {
    local dir=$1 pid
    if [ -f "$dir/slurm.conf" ]; then
        SLURM_CONF=$dir/slurm.conf timeout 5 scancel --state=RUNNING --quiet 2>/dev/null || true
    fi
    [ -f "$dir/munged.pid" ] && cat "$dir/munged.pid" >>"$dir/pids"
    [ -f "$dir/pids" ] || return 0
    while read -r pid; do
        kill "$pid" 2>/dev/null || true
    done <"$dir/pids"
    local deadline=$((SECONDS + 10))
    while read -r pid; do
        while kill -0 "$pid" 2>/dev/null; do
            ((SECONDS > deadline)) && kill -9 "$pid" 2>/dev/null
            sleep 0.1
        done
    done <"$dir/pids"
    rm -f "$dir/pids"
}

case ${1:-} in
start) shift; PATH=$PATH:/usr/sbin:/sbin start "$@" ;;
stop) shift; stop "$@" ;;
*) echo "usage: slurm.sh start DIR [NODES [CPUS]] | stop DIR" >&2; exit 2 ;;
esac
