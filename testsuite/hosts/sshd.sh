#!/bin/sh
# A real sshd on each host of a network of net.sh, with keys and settings of its own. Needs root and Debian's openssh-server.
#
#   sshd.sh start DIR NETWORK HOSTS    keys and settings go to DIR; then: ssh -F DIR/config NETWORK-0 true
#   sshd.sh stop DIR
set -eu
umask 077

sshd=$(PATH=$PATH:/usr/sbin command -v sshd) || {
    echo 'sshd.sh: sshd is not installed (openssh-server)' >&2
    exit 77
}
[ $# -ge 2 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
dir=$2

stop() {
    for file in "$dir"/*.pid; do
        [ -f "$file" ] && kill "$(cat "$file")" 2> /dev/null
        rm -f "$file"
    done
    return 0
}

if [ "$1" = stop ]; then
    stop
    exit
fi
network=$3
mkdir -p "$dir" /run/sshd
ssh-keygen -q -t ed25519 -N '' -C host -f "$dir/host"
ssh-keygen -q -t ed25519 -N '' -C user -f "$dir/user"
cp "$dir/user.pub" "$dir/authorized"
cat > "$dir/config" << CONFIG
Host *
    User $(id -un)
    IdentityFile $dir/user
    IdentitiesOnly yes
    UserKnownHostsFile $dir/known
    LogLevel ERROR
CONFIG
trap stop EXIT
i=0
while [ $i -lt "$4" ]; do
    host=$network-$i address=10.83.0.$((i + 1))
    echo "$host,$address $(cut -d ' ' -f 1,2 "$dir/host.pub")" >> "$dir/known"
    printf 'Host %s\n    HostName %s\n' "$host" "$address" >> "$dir/config"
    cat > "$dir/$host.sshd" << CONFIG
ListenAddress $address
HostKey $dir/host
AuthorizedKeysFile $dir/authorized
PidFile $dir/$host.pid
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
MaxStartups 100
CONFIG
    # Its log goes to a file, so that it does not hold the caller's pipes.
    ip netns exec "$host" "$sshd" -f "$dir/$host.sshd" -E "$dir/$host.log" > /dev/null 2>&1
    i=$((i + 1))
done
trap - EXIT
