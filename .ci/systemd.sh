#!/usr/bin/env bash
# The push server under a real systemd, as an ordinary user on ports 80 and 843, by socket activation: bash .ci/systemd.sh
#
# Needs root and Debian's systemd, which need not be running: one is started beside the system's own processes, in namespaces of its own (mounts,
# processes, network, control groups). Its root is this machine's, under an overlay in memory: what is installed there is gone afterwards.
# How it is installed is what push-server/README.md tells people to type.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
checkout=/opt/push-server

# Becomes process 1 of namespaces that `unshare` has made: first_process FOLDER BINARY
first_process() {
    local work=$1 root=$1/root device
    mount --make-rprivate /
    mount -t tmpfs -o mode=755 overlay "$work"
    mkdir "$root" "$work/upper" "$work/work"
    mount -t overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" overlay "$root"
    # A checkout in which a release was built, as far as it is installed.
    install -D "$2" "$root$checkout/target/release/push-server"
    mkdir "$root$checkout/push-server"
    cp -r push-server/systemd "$root$checkout/push-server"
    # The machine's own services are left out.
    rm -f "$root"/etc/systemd/system/*.wants/*
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    for device in null zero full random urandom tty; do
        touch "$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    mount -t tmpfs tmpfs "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ip link set lo up
    exec env --ignore-environment container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        chroot "$root" /lib/systemd/systemd --system --unit=basic.target
}
if [[ ${1:-} == --first-process ]]; then first_process "$2" "$3"; fi

passed=0
failed=0
# check WHAT SCRIPT: run in there, told and counted; with its output where it fails.
check() {
    local output status=0
    output=$(inside "$2" 2>&1) || status=$?
    if ((status == 0)); then
        printf 'ok      %s\n' "$1"
        passed=$((passed + 1))
    else
        printf 'FAILED  %s (status %d): %s\n%s\n' "$1" "$status" "$2" "$output"
        failed=$((failed + 1))
    fi
}
inside() {
    timeout --kill-after=5 120 nsenter --target "$first" --all --root --wdns=/ bash -euo pipefail -c "cd '$checkout'; $helpers"$'\n'"$1"
}
# What the checks are written with.
helpers='
# Tries as long as a slow machine may take.
eventually() { local n=0; until "$@" >/dev/null 2>&1; do ((n += 1)); ((n < 300)) || { "$@"; return; }; sleep 0.1; done; }
get() { curl --silent --show-error --fail --max-time 30 "$@"; }
property() { systemctl show push-server.service --property "$1" --value; }
is_active() { [[ $(systemctl is-active push-server.service) == active ]]; }
main_of() { property MainPID; }
of_process() { grep -P "^$1:\t$2" "/proc/$(main_of)/status"; }
policy() { printf "<policy-file-request/>\0" | timeout 10 nc 127.0.0.1 "$1" | tr "\0" "\n"; }
publish() { get --header "Content-Type: application/json" --data "$1" http://127.0.0.1/streams/news/messages; }
wait_for_text() { eventually grep --quiet -- "$1" "$2"; }
'

[[ $EUID == 0 ]] || { echo "systemd.sh: needs root, for namespaces and ports below 1024" >&2 && exit 2; }
# A container may withhold what a systemd of one's own needs. Then nothing is shown here, and that is said.
if ! why=$(unshare --mount --pid --uts --ipc --net --cgroup --fork bash -ec '
    mount --make-rprivate /; mount -t tmpfs room /mnt; mkdir /mnt/{upper,work,root}
    mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
    mount -t sysfs -o ro sysfs /mnt/root/sys; mount -t cgroup2 cgroup2 /mnt/root/sys/fs/cgroup' 2>&1); then
    echo "!!! NOT SHOWN HERE: this machine lets nobody have namespaces, an overlay and control groups of their own: $why"
    exit 0
fi
[[ -x /lib/systemd/systemd ]] || { echo "systemd.sh: needs systemd: apt-get install systemd" >&2 && exit 2; }
cargo build --package push-server
binary=${CARGO_TARGET_DIR:-$PWD/target}/debug/push-server


work=$(mktemp -d)
unshare --mount --pid --uts --ipc --net --cgroup --fork --kill-child bash .ci/systemd.sh --first-process "$work" "$binary" 2>/dev/null &
namespaces=$!
finish() {
    # Its first process takes all others along.
    kill -KILL "${first:-$namespaces}" 2>/dev/null || true
    wait "$namespaces" 2>/dev/null || true
    rmdir "$work"
}
trap finish EXIT
for ((tries = 0; tries < 100; tries++)); do
    first=$(pgrep --parent "$namespaces") && [[ $(<"/proc/$first/comm") == systemd ]] && break
    sleep 0.1
done
check "a systemd of its own is running" 'eventually systemctl is-system-running; systemctl --version | head -1'

# The commands of the README, up to those for later.
commands=$(sed -n '/^install -m 755 target\/release\/push-server/,/^```/p' push-server/README.md | grep -v '^```' | grep -vE '^systemctl re(load|start)')
printf 'Installing:\n%s\n' "$commands" | sed '2,$s/^/    /'
check "the commands of the README install it" "$commands"
check "the units have no mistakes" 'systemd-analyze verify push-server.service push-server.socket push-server-843.socket'
check "the service is little exposed" 'systemd-analyze security --no-pager --threshold=20 push-server.service'
check "the service has started" 'eventually is_active'
printf 'It is:\n'
inside 'systemctl --no-pager --lines=0 status push-server.service push-server.socket push-server-843.socket; ss -Hltnp; ps -o user:16,pid,nlwp,args -p "$(main_of)"; systemd-analyze security --no-pager push-server.service | tail -1' |
    sed 's/^/    /'

check "it is an ordinary user" 'of_process Uid "(?!0\t)\d+" && of_process Gid "(?!0\t)\d+"'
check "it has no capability, and cannot get one" 'of_process CapEff 0+$ && of_process CapBnd 0+$ && of_process NoNewPrivs 1'
check "it is watched by a filter of system calls" 'of_process Seccomp 2'
check "it may have the open files that its unit gives it, or as many as this machine lets systemd give" '
    files() { sed -nE "s/^Max open files +([0-9]+) +([0-9]+) .*/\1 \2/p" "/proc/$1/limits"; }
    read -r soft hard < <(files "$(main_of)"); read -r _ most < <(files 1)
    [[ $soft == "$hard" && ( $hard == 200000 || $hard == "$most" ) ]]'
check "port 80 is ready" '[[ $(get http://127.0.0.1/readyz) == ready ]]'
check "port 80 answers policy requests, for port 80" 'policy 80 | grep "to-ports=\"80\""'
check "port 843 answers policy requests, the same" '[[ $(policy 843) == "$(policy 80)" ]]'
check "port 843 answers nothing else" '! get http://127.0.0.1:843/'
check "the operators' port has metrics" 'get http://127.0.0.1:9880/metrics | grep "^push_server_ready 1$"'
check "a stream is read and published to" '
    curl --silent --no-buffer http://127.0.0.1/streams/news/sse >/tmp/reader 2>/dev/null & echo $! >/tmp/reader.pid
    is_read() { get http://127.0.0.1:9880/metrics | grep "^push_server_stream_readers{stream=\"news\"} 1$"; }
    eventually is_read
    publish "\"one\"" && wait_for_text "data: \"one\"" /tmp/reader'

check "a reload keeps the connection, and systemd waits for it" '
    sed --in-place "s/^publishes = true/publishes = false/" /etc/push-server/push-server.toml
    systemctl reload push-server.service
    eventually bash -c "! curl --silent --fail --data 1 --header Content-Type:application/json http://127.0.0.1/streams/news/messages"
    sed --in-place "s/^publishes = false/publishes = true/" /etc/push-server/push-server.toml
    systemctl reload push-server.service
    eventually publish "\"two\""
    wait_for_text "data: \"two\"" /tmp/reader; kill -0 "$(</tmp/reader.pid)"'
check "a reload of wrong settings changes nothing, and the journal says where it is wrong" '
    printf "[limits]\nstal = \"1s\"\n" >>/etc/push-server/push-server.toml
    systemctl reload push-server.service
    wrong=$(wc -l </etc/push-server/push-server.toml)
    is_told() { journalctl --unit push-server.service --no-pager | grep "push-server.toml, line $wrong: there is no key .*did you mean limits.stall"; }
    eventually is_told
    publish "\"three\"" && wait_for_text "data: \"three\"" /tmp/reader'
check "a restart with wrong settings fails with 2, once" '
    ! systemctl restart push-server.service
    [[ $(property ExecMainStatus) == 2 && $(property NRestarts) == 0 ]]'
check "the reader was told to come back" 'wait_for_text "event: rotate" /tmp/reader; eventually bash -c "! kill -0 $(</tmp/reader.pid)"'
check "with right settings it starts by the next connection alone" '
    sed --in-place "/^stal = /d" /etc/push-server/push-server.toml
    systemctl reset-failed push-server.service; systemctl restart push-server.socket push-server-843.socket; systemctl stop push-server.service
    ! is_active
    [[ $(get http://127.0.0.1/readyz) == ready ]] && is_active'
check "port 843 starts it as well" '
    systemctl stop push-server.service; ! is_active
    policy 843 | grep "to-ports=\"80\"" && is_active'
check "while it is restarted nobody meets a closed port" '
    for client in {1..8}; do
        (for request in {1..25}; do get http://127.0.0.1/healthz >/dev/null || exit 1; sleep 0.05; done) & clients+=($!)
    done
    systemctl restart push-server.service; systemctl restart push-server.service
    for client in "${clients[@]}"; do wait "$client"; done'
check "it is started again after a crash" '
    before=$(main_of); kill -KILL "$before"
    comes_back() { is_active && [[ $(main_of) != "$before" ]]; }
    eventually comes_back
    [[ $(property NRestarts) == 1 && $(get http://127.0.0.1/readyz) == ready ]]'
check "it stops in good order" 'systemctl stop push-server.service && [[ $(property Result) == success && $(property ExecMainStatus) == 0 ]]'
check "its journal holds no error of its own but those" '
    ! journalctl --unit push-server.service --no-pager --output=cat | grep -E "ERROR|panicked" | grep -v "settings not reloaded"'

((failed == 0)) || inside 'journalctl --no-pager --unit push-server.service | tail -60' || true
printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
