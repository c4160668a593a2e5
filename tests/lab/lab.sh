# The lab: four servers and a client in network namespaces of their own, on one bridge.
#
# Sourced by tests/lab/record; needs root and the packages of tools/packages-lab.txt.
#   cl   10.77.0.2            client, holds the bridge; tcpdump listens here
#   dc1  10.77.0.1            Samba Active Directory domain controller, LAB.TEST
#   fs2  10.77.0.3, fd77::3   Samba standalone server
#   fs1  10.77.0.4            tests/lab/server: what Samba does not serve
#   ms1  10.77.0.5            Samba member server of LAB.TEST; needs dc1
# Nothing outside the namespaces is touched; lab_down ends only processes inside them.

LAB_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB=${RPCM_LAB:-}             # Working folder; a temporary one unless set.
LAB_PREFIX=rpcm$$             # Of the namespaces' names, so that two labs can run at once.
declare -A LAB_ADDRESS=([dc1]=10.77.0.1 [fs2]=10.77.0.3 [fs1]=10.77.0.4 [ms1]=10.77.0.5)
LAB_SERVERS='dc1 fs2 fs1 ms1'

# Accounts exist only here.
DC_ADMIN='LAB/administrator%Passw0rd.1'
DC_ADMIN_KRB='administrator@LAB.TEST%Passw0rd.1'
FS_ROOT='root%Samba.2026'
# Fixed, so that a domain made anew has the same SIDs, and the machine accounts the same keys.
LAB_DOMAIN_SID=S-1-5-21-2606410773-1510423871-3392470525
DC_MACHINE='Dc1.Machine.2026'
MS_MACHINE='Ms1.Machine.2026'

lab_say() { printf '%s\n' "$*" >&2; }

# Runs a command on a host: its namespace, its host name, the lab's name files. Samba finds
# winbind only below /run/samba, whatever its configuration says: each server gets its own.
lab_on() {  # HOST COMMAND...
  local host=$1; shift
  ip netns exec "$LAB_PREFIX-$host" unshare --mount --uts bash -c '
    host=$1 lab=$2; shift 2
    hostname "$host"
    for file in hosts resolv.conf; do mount --bind "$lab/conf/$file" "/etc/$file"; done
    [ "$host" != ms1 ] || mount --bind "$lab/conf/nsswitch.conf" /etc/nsswitch.conf
    export KRB5_CONFIG=${RPCM_KRB5_CONF:-$lab/conf/krb5.conf}
    if [ "$host" != cl ]; then
      mkdir -p /run/samba && mount -t tmpfs none /run/samba
      mkdir -p "$lab/$host/winbindd" /run/samba/winbindd
      mount --bind "$lab/$host/winbindd" /run/samba/winbindd
    fi
    exec "$@"' lab_on "$host" "$LAB" "$@"
}

# A server that stays: in a session of its own, since Samba ends its whole process group with it.
lab_daemon() {  # HOST COMMAND...
  local lab_on_host=$1; shift
  export -f lab_on
  LAB=$LAB LAB_PREFIX=$LAB_PREFIX setsid bash -c 'lab_on "$@"' lab_daemon "$lab_on_host" "$@" \
    >>"$LAB/$lab_on_host/log" 2>&1 </dev/null &
}

# Offloads would join and split packets: what tcpdump sees must be what a wire carries.
lab_plain_packets() { ip netns exec "$1" ethtool -K "$2" tso off gso off gro off tx off rx off >/dev/null 2>&1; return 0; }

lab_network() {
  local host cl=$LAB_PREFIX-cl
  for host in cl $LAB_SERVERS; do
    ip netns add "$LAB_PREFIX-$host" && ip -n "$LAB_PREFIX-$host" link set lo up || return 1
  done
  ip -n "$cl" link add lab0 type bridge
  ip netns exec "$cl" sysctl -qw net.ipv6.conf.lab0.accept_dad=0
  ip -n "$cl" addr add 10.77.0.2/24 dev lab0
  ip -n "$cl" addr add fd77::2/64 dev lab0 nodad
  ip -n "$cl" link set lab0 up
  lab_plain_packets "$cl" lab0
  for host in $LAB_SERVERS; do
    ip -n "$cl" link add "to-$host" type veth peer name eth0 netns "$LAB_PREFIX-$host"
    ip -n "$cl" link set "to-$host" master lab0 up
    ip -n "$LAB_PREFIX-$host" addr add "${LAB_ADDRESS[$host]}/24" dev eth0
    ip -n "$LAB_PREFIX-$host" link set eth0 up
    lab_plain_packets "$cl" "to-$host"
    lab_plain_packets "$LAB_PREFIX-$host" eth0
  done
  ip -n "$LAB_PREFIX-fs2" addr add fd77::3/64 dev eth0 nodad
}

lab_config() {  # NAME: conf/NAME with the lab's folder filled in
  sed "s|@LAB@|$LAB|" "$LAB_SOURCE/conf/$1"
}

lab_wait_port() {  # HOST PORT
  local try
  for try in $(seq 100); do
    ip netns exec "$LAB_PREFIX-cl" bash -c ": </dev/tcp/${LAB_ADDRESS[$1]}/$2" 2>/dev/null && return 0
    sleep 0.2
  done
  lab_say "$1 does not answer on port $2; see $LAB/$1/"
  return 1
}

lab_start_fs1() {
  mkdir -p "$LAB/fs1"
  lab_daemon fs1 /usr/bin/python3 -B "$LAB_SOURCE/server/windows_like.py" "${LAB_ADDRESS[fs1]}"
  lab_wait_port fs1 445 && lab_wait_port fs1 49700 && lab_wait_port fs1 135
}

lab_start_fs2() {
  mkdir -p "$LAB"/fs2/{private,lock,state,cache,run,ncalrpc,winbindd,share}
  lab_config fs2.conf >"$LAB/fs2/smb.conf"
  printf '%s\n%s\n' "${FS_ROOT#*%}" "${FS_ROOT#*%}" |
    smbpasswd -c "$LAB/fs2/smb.conf" -s -a root >/dev/null
  lab_daemon fs2 smbd -F --no-process-group -s "$LAB/fs2/smb.conf"
  lab_daemon fs2 /usr/libexec/samba/samba-dcerpcd -F --libexec-rpcds -s "$LAB/fs2/smb.conf"
  lab_wait_port fs2 445 && lab_wait_port fs2 135
}

lab_start_dc1() {
  local user
  if [ ! -e "$LAB/dc1/private/sam.ldb" ]; then
    rm -rf "$LAB/dc1" && mkdir -p "$LAB/dc1"
    lab_on dc1 samba-tool domain provision --targetdir="$LAB/dc1" --realm=LAB.TEST --domain=LAB \
      --host-name=dc1 --host-ip=10.77.0.1 --server-role=dc --dns-backend=SAMBA_INTERNAL \
      --adminpass="${DC_ADMIN#*%}" --machinepass="$DC_MACHINE" --domain-sid="$LAB_DOMAIN_SID" --use-rfc2307 --option="vfs objects=" \
      --option="interfaces=10.77.0.1 127.0.0.1" --option="bind interfaces only=yes" \
      --option="posix:eadb=$LAB/dc1/eadb.tdb" >"$LAB/dc1/provision.log" 2>&1 ||
      { lab_say "Making the domain failed:"; tail -n 3 "$LAB/dc1/provision.log" >&2; return 1; }
    mkdir -p "$LAB"/dc1/{run,winbindd}
    lab_config dc1.conf >"$LAB/dc1/etc/smb.conf"
    for user in alice bob; do
      lab_on dc1 samba-tool user create "$user" Passw0rd.2 -s "$LAB/dc1/etc/smb.conf" >/dev/null
    done
  fi
  lab_daemon dc1 samba -F --no-process-group -s "$LAB/dc1/etc/smb.conf"
  lab_wait_port dc1 445 && lab_wait_port dc1 135 && lab_wait_port dc1 88
}

lab_start_ms1() {
  local conf=$LAB/ms1/smb.conf try
  if [ ! -e "$LAB/ms1/joined" ]; then
    mkdir -p "$LAB"/ms1/{private,lock,state,cache,run,ncalrpc,winbindd,share}
    lab_config ms1.conf >"$conf"
    # The controller listens before it is ready.
    for try in $(seq 20); do
      lab_on ms1 net ads join -s "$conf" -U "${DC_ADMIN#*/}" --no-dns-updates machinepass="$MS_MACHINE" \
        >"$LAB/ms1/join.log" 2>&1 && touch "$LAB/ms1/joined" && break
      sleep 0.5
    done
    [ -e "$LAB/ms1/joined" ] || { lab_say "Joining failed:"; tail -n 3 "$LAB/ms1/join.log" >&2; return 1; }
  fi
  lab_daemon ms1 winbindd -F --no-process-group -s "$conf"
  lab_daemon ms1 smbd -F --no-process-group -s "$conf"
  lab_daemon ms1 /usr/libexec/samba/samba-dcerpcd -F --libexec-rpcds -s "$conf"
  lab_wait_port ms1 445 && lab_wait_port ms1 135
}

lab_up() {  # HOST...: the servers to start
  [ "$(id -u)" = 0 ] || { lab_say "The lab makes network namespaces: run it as root."; return 1; }
  [ -n "$LAB" ] || LAB=$(mktemp -d /tmp/rpcm-lab.XXXXXX)
  mkdir -p "$LAB"/{conf,out} "$LAB"/cl/{private,lock,state,cache,run}
  cp "$LAB_SOURCE"/conf/{hosts,resolv.conf,krb5.conf,nsswitch.conf} "$LAB/conf/"
  sed '/^\[libdefaults\]/a\	default_etypes = aes128-cts-hmac-sha1-96' "$LAB/conf/krb5.conf" >"$LAB/conf/krb5-aes128.conf"
  sed '/^\[libdefaults\]/a\	default_etypes = arcfour-hmac-md5\n\tallow_weak_crypto = true' "$LAB/conf/krb5.conf" >"$LAB/conf/krb5-rc4.conf"
  lab_config client.conf >"$LAB/cl/client.conf"
  lab_network || return 1
  local host
  for host in "$@"; do "lab_start_$host" || return 1; done
}

lab_down() {
  local host signal
  for signal in TERM KILL; do
    for host in cl $LAB_SERVERS; do
      # shellcheck disable=SC2046
      kill -s $signal $(ip netns pids "$LAB_PREFIX-$host" 2>/dev/null) 2>/dev/null
    done
    sleep 1
  done
  for host in cl $LAB_SERVERS; do ip netns del "$LAB_PREFIX-$host" 2>/dev/null; done
  [ -n "${RPCM_LAB:-}" ] || rm -rf "$LAB"
}

# The keys of the domain's servers, as an administrator exports them. Their passwords are fixed.
lab_keytab() {  # FILE
  local principal
  rm -f "$LAB/out/keytab"
  for principal in 'DC1$' 'MS1$' cifs/dc1.lab.test cifs/ms1.lab.test host/dc1.lab.test host/ms1.lab.test ldap/dc1.lab.test; do
    lab_on dc1 samba-tool domain exportkeytab "$LAB/out/keytab" --principal="$principal" -s "$LAB/dc1/etc/smb.conf" \
      >>"$LAB/out/keytab.log" 2>&1
  done
  [ ! -e "$LAB/out/keytab" ] || install -m 600 "$LAB/out/keytab" "$1"
}

# Records what a client command says on the wire into $LAB/out/NAME.pcap.
lab_capture() {  # NAME COMMAND...
  local name=$1 pid try status=0; shift
  ip netns exec "$LAB_PREFIX-cl" tcpdump -i lab0 -n -s 0 -U -Z root --immediate-mode -B 65536 \
    -w "$LAB/out/$name.pcap" "${LAB_FILTER:-tcp}" >"$LAB/out/$name.tcpdump" 2>&1 &
  pid=$!
  for try in $(seq 100); do grep -qs listening "$LAB/out/$name.tcpdump" && break; sleep 0.05; done
  lab_on "${LAB_CLIENT:-cl}" timeout "${LAB_TIMEOUT:-60}" "$@" >"$LAB/out/$name.log" 2>&1 </dev/null || status=$?
  sleep 0.4
  kill -INT $pid; wait $pid
  # Being refused is what some scenarios are about; a client that crashed is not.
  [ $status = 0 ] || lab_say "$name: the client ended with $status: $(tail -n 1 "$LAB/out/$name.log")"
}
