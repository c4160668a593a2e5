# The scenarios of tests/lab/record. Each is a line of SCENARIO (name, servers needed, one sentence)
# and a function record_NAME that leaves $LAB/out/NAME.pcap.

SCENARIOS=()
declare -A ABOUT NEEDS
scenario() { SCENARIOS+=("$1"); NEEDS[$1]=$2; ABOUT[$1]=$3; }

attack() { local name=$1; shift; lab_capture "$name" /usr/bin/python3 -B "$LAB_SOURCE/client/attack.py" "$@"; }
rpcclient_on() {  # NAME HOST COMMANDS [OPTION...]
  local name=$1 host=$2 commands=$3; shift 3
  lab_capture "$name" rpcclient -s "$LAB/cl/client.conf" "$@" "$host" -c "$commands"
}
torture() {  # NAME BINDING SUITE [OPTION...]
  local name=$1 binding=$2 suite=$3; shift 3
  lab_capture "$name" smbtorture -s "$LAB/cl/client.conf" --option=torture:dangerous=no "$@" "$binding" "$suite"
}

# Samba's tests of the protocol's rules, PDU by PDU, against dc1: all of them, or those of a pattern.
raw_protocol() {  # NAME [:PATTERN]
  local name=$1 pattern=${2#:} account=${DC_ADMIN#*/}
  lab_capture "$name" env SERVER=dc1.lab.test TARGET_HOSTNAME=dc1.lab.test DOMAIN=LAB REALM=LAB.TEST \
    USERNAME="${account%%%*}" PASSWORD="${account#*%}" SMB_CONF_PATH="$LAB/cl/client.conf" IGNORE_RANDOM_PAD=1 \
    /usr/bin/python3 -B -m unittest ${pattern:+-k "$pattern"} samba.tests.dcerpc.raw_protocol
}

# ---- What attackers do, against the Windows-like server ----

scenario demo fs1 "the attack of ./demo: service with a shell command, scheduled task, Run key, SAM saved, EFSRPC coercion; then one sealed connection"
record_demo() { attack demo demo; }

for over in smb1 smb2; do
  scenario svcctl_$over fs1 "services created, started, changed, deleted over ${over^^}"
  eval "record_svcctl_$over() { attack svcctl_$over service --over $over; }"
done
for level in connect integrity privacy; do
  scenario svcctl_tcp_$level fs1 "the same over TCP, NTLM at level $level"
  eval "record_svcctl_tcp_$level() { attack svcctl_tcp_$level service --over tcp --level $level; }"
done
scenario svcctl_smb2_privacy fs1 "the same over SMB2, sealed by RPC itself"
record_svcctl_smb2_privacy() { attack svcctl_smb2_privacy service --level privacy --user svcbackup; }

scenario task_smb2 fs1 "ITaskSchedulerService: register, list, run, delete; XML with a PowerShell command"
record_task_smb2() { attack task_smb2 task; }
scenario task_tcp fs1 "the same over TCP, NTLM at level connect"
record_task_tcp() { attack task_tcp task --over tcp --level connect; }
scenario at_smb1 fs1 "atsvc: AT job with a command added, listed, deleted, over SMB1"
record_at_smb1() { attack at_smb1 at --over smb1; }
scenario winreg_smb2 fs1 "registry: keys opened, values read and set, SAM saved to a file"
record_winreg_smb2() { attack winreg_smb2 registry; }
scenario winreg_tcp_integrity fs1 "the same over TCP, NTLM at level integrity"
record_winreg_tcp_integrity() { attack winreg_tcp_integrity registry --over tcp --level integrity; }
scenario efsr_smb2 fs1 "EFSRPC with UNC paths over both of its interfaces (coerced authentication)"
record_efsr_smb2() { attack efsr_smb2 coerce; }
scenario fault fs1 "opnum out of range, unreadable stubs, closed handle, interface not there"
record_fault() { attack fault fault; }
scenario large_smb2 fs1 "requests and responses in many fragments, over SMB2"
record_large_smb2() { attack large_smb2 large; }
scenario large_tcp_privacy fs1 "the same over TCP, every fragment sealed"
record_large_tcp_privacy() { attack large_tcp_privacy large --over tcp --level privacy; }
scenario large_tcp fs1 "the same over TCP, NTLM at level connect"
record_large_tcp() { attack large_tcp large --over tcp --level connect; }
scenario pipelined_tcp fs1 "four requests outstanding at once on one connection"
record_pipelined_tcp() { attack pipelined_tcp pipelined --over tcp --level connect; }

objects() { local name=$1; shift; lab_capture "$name" /usr/bin/python3 -B "$LAB_SOURCE/client/objects.py" "$@"; }
scenario wmi_process fs1 "WMI as wmiexec uses it: a query, Win32_Process.Create with a command, Terminate; NTLM at level integrity"
record_wmi_process() { objects wmi_process process; }
scenario wmi_privacy fs1 "the same, sealed"
record_wmi_privacy() { objects wmi_privacy process --level privacy; }
scenario wmi_subscription fs1 "WMI event subscription: filter, command line and script consumers, binding"
record_wmi_subscription() { objects wmi_subscription subscription; }
scenario wmi_types fs1 "WMI object with every type, and a smart enumeration that names its class once"
record_wmi_types() { objects wmi_types sample; }
scenario wmi_async fs1 "WMI asynchronously: ExecQueryAsync and ExecMethodAsync with a sink, which the server calls back as its machine account"
record_wmi_async() { objects wmi_async asynchronous; }
scenario dcom_mmc20 fs1 "MMC20.Application: Document, ActiveView, ExecuteShellCommand through IDispatch"
record_dcom_mmc20() { objects dcom_mmc20 shell; }

# ---- Samba's clients and servers ----

SRVSVC='srvinfo;netshareenumall;netsharegetinfo tmp;netremotetod;netnamevalidate foo;netfileenum;netsessenum;netconnenum tmp;netshareadd /tmp made 10 "a comment";netsharedel made'
ACCOUNTS='enumdomains;enumdomusers;querydispinfo;queryuser root;samlookupnames domain root;lookupnames root;lookupsids S-1-5-32-544;lsaquery;enumprivs;lsaenumsid'

scenario srvsvc_smb311 fs2 "shares, sessions, files of a Samba server over SMB 3.1.1, signed"
record_srvsvc_smb311() { rpcclient_on srvsvc_smb311 fs2 "$SRVSVC" -U "$FS_ROOT" --client-protection=sign; }
scenario srvsvc_smb1 fs2 "the same over SMB1"
record_srvsvc_smb1() { rpcclient_on srvsvc_smb1 fs2 "$SRVSVC" -U "$FS_ROOT" --option=clientipcmaxprotocol=NT1; }
scenario srvsvc_ipv6 fs2 "the same over IPv6 and SMB 2.1"
record_srvsvc_ipv6() { rpcclient_on srvsvc_ipv6 fs2-v6 "$SRVSVC" -U "$FS_ROOT" --option=clientipcmaxprotocol=SMB2_10; }
scenario srvsvc_smb311_encrypted fs2 "the same, encrypted by SMB 3.1.1: only its presence can be seen"
record_srvsvc_smb311_encrypted() { rpcclient_on srvsvc_smb311_encrypted fs2 "$SRVSVC" -U "$FS_ROOT" --client-protection=encrypt; }
scenario accounts_smb2 fs2 "samr and lsarpc lookups over SMB 2.1"
record_accounts_smb2() { rpcclient_on accounts_smb2 fs2 "$ACCOUNTS" -U "$FS_ROOT" --option=clientipcmaxprotocol=SMB2_10; }
scenario accounts_tcp_privacy fs2 "samr and lsarpc over TCP, sealed with NTLM in SPNEGO"
record_accounts_tcp_privacy() { rpcclient_on accounts_tcp_privacy 'ncacn_ip_tcp:fs2[seal,spnego]' "$ACCOUNTS" -U "$FS_ROOT"; }

net_rpc() {  # NAME SUBCOMMAND...
  local name=$1; shift
  lab_capture "$name" bash -c 'conf=$1 account=$2; shift 2
    for words in "$@"; do net rpc $words -S fs2 -s "$conf" -U "$account"; done' \
    net_rpc "$LAB/cl/client.conf" "$FS_ROOT" "$@"
}
scenario winreg_samba fs2 "net rpc registry against Samba: create, set, get, enumerate, delete"
record_winreg_samba() {
  net_rpc winreg_samba 'registry enumerate HKLM\SOFTWARE' 'registry createkey HKLM\SOFTWARE\Samba\lab' \
    'registry setvalue HKLM\SOFTWARE\Samba\lab greeting sz hello' \
    'registry setvalue HKLM\SOFTWARE\Samba\lab count dword 42' \
    'registry getvalue HKLM\SOFTWARE\Samba\lab greeting' 'registry enumerate HKLM\SOFTWARE\Samba\lab' \
    'registry getsd HKLM\SOFTWARE\Samba\lab' \
    'registry deletevalue HKLM\SOFTWARE\Samba\lab count' 'registry deletekey HKLM\SOFTWARE\Samba\lab'
}
scenario svcctl_samba fs2 "net rpc service against Samba: list, status, start, stop"
record_svcctl_samba() { net_rpc svcctl_samba 'service list' 'service status ssh' 'service start ssh' 'service stop ssh'; }

scenario winreg_bigendian fs2 "smbtorture as a big-endian client: winreg"
record_winreg_bigendian() { LAB_TIMEOUT=6 torture winreg_bigendian 'ncacn_np:fs2[bigendian]' rpc.winreg.winreg.HKU -U "FS2/$FS_ROOT"; }
scenario svcctl_bigendian fs2 "smbtorture as a big-endian client: svcctl"
record_svcctl_bigendian() { torture svcctl_bigendian 'ncacn_np:fs2[bigendian]' rpc.svcctl -U "FS2/$FS_ROOT"; }
scenario srvsvc_bigendian fs2 "smbtorture as a big-endian client: srvsvc"
record_srvsvc_bigendian() { torture srvsvc_bigendian 'ncacn_np:fs2[bigendian]' 'rpc.srvsvc.srvsvc (admin access).NetShareEnumAll' -U "FS2/$FS_ROOT"; }
scenario samr_bigendian dc1 "smbtorture as a big-endian client: domain controller, sealed"
record_samr_bigendian() { LAB_TIMEOUT=10 torture samr_bigendian 'ncacn_ip_tcp:dc1.lab.test[bigendian,seal]' rpc.dssetup -U "$DC_ADMIN" --use-kerberos=off; }

# ---- The domain controller ----

probe() { local name=$1; shift; lab_capture "$name" /usr/bin/python3 -B "$LAB_SOURCE/client/probe.py" "$@"; }
scenario epmapper dc1 "endpoint mapper: lookup of all, map of three interfaces, by impacket"
record_epmapper() { probe epmapper epmapper dc1; }
scenario epmapper_samba dc1 "endpoint mapper, by rpcclient"
record_epmapper_samba() { rpcclient_on epmapper_samba 'ncacn_ip_tcp:dc1[connect]' 'epmmap;epmlookup' -U "$DC_ADMIN" --use-kerberos=off; }
scenario mgmt dc1 "remote management interface: interfaces, statistics, principal names"
record_mgmt() { probe mgmt mgmt dc1; }
scenario altercontext dc1 "several presentation contexts on one connection"
record_altercontext() { torture altercontext 'ncacn_ip_tcp:dc1[connect]' rpc.altercontext -U "$DC_ADMIN" --use-kerberos=off; }
scenario bind dc1 "one bind after the other with every authentication"
record_bind() { torture bind 'ncacn_ip_tcp:dc1' rpc.bind -U "$DC_ADMIN" --use-kerberos=off; }
scenario raw_protocol dc1 "Samba's tests of the protocol's rules: unusual binds and contexts, no authentication"
record_raw_protocol() { raw_protocol raw_protocol ':*no_auth*'; }
scenario raw_spnego dc1 "the same with SPNEGO at level connect: padding that lies, authentication again"
record_raw_spnego() { raw_protocol raw_spnego ':*spnego_connect*'; }
DOMAIN='lookupnames alice;lookupsids S-1-5-32-544;enumdomusers;queryuser alice;samlookupnames domain alice bob;dsroledominfo'
scenario kerberos_smb3 dc1 "domain lookups over SMB 3.1.1 with Kerberos"
record_kerberos_smb3() { rpcclient_on kerberos_smb3 dc1.lab.test "$DOMAIN" -U "$DC_ADMIN_KRB" --use-kerberos=required --client-protection=sign; }
scenario kerberos_tcp dc1 "lsarpc over TCP sealed with Kerberos"
record_kerberos_tcp() { LAB_TIMEOUT=10 torture kerberos_tcp 'ncacn_ip_tcp:dc1.lab.test[krb5,seal]' rpc.dssetup -U "$DC_ADMIN_KRB" --use-kerberos=required; }
scenario samr_dc_privacy dc1 "samr over TCP sealed with NTLM"
record_samr_dc_privacy() { rpcclient_on samr_dc_privacy 'ncacn_ip_tcp:dc1.lab.test[seal]' "enumdomusers;queryuser alice" -U "$DC_ADMIN" --use-kerberos=off; }

# ---- Sealed traffic and its clear twins, with the keys that open it: tests/captures/sealed ----

# Each is the same calls (client/domain.py) with other protection; TWIN holds what must be seen when
# it is opened. Twins are of the same kind of authentication, so that the user is the same too.
declare -A FOLDER TWIN
sealed() {  # NAME TWIN|- HOST ABOUT BINDING INTERFACES [OPTION...]
  local name=$1 twin=$2 host=$3 about=$4 binding=$5 interfaces=$6; shift 6
  scenario "$name" "dc1 $host" "$about"
  FOLDER[$name]=sealed
  [ "$twin" = - ] || TWIN[$name]=$twin
  eval "record_$name() { domain $name '$binding' '$interfaces' $([ $# = 0 ] || printf '%q ' "$@"); }"
}
domain() {  # NAME BINDING INTERFACES [OPTION...]
  local name=$1 binding=$2 interfaces=$3; shift 3
  # Without what servers say to each other.
  # shellcheck disable=SC2086
  LAB_FILTER='tcp and host 10.77.0.2' lab_capture "$name" /usr/bin/python3 -B "$LAB_SOURCE/client/domain.py" --conf "$LAB/cl/client.conf" \
    --user administrator --password "${DC_ADMIN#*%}" "$@" "$binding" $interfaces
}
SMB_CALLS='samr srvsvc' TCP_CALLS='samr srvsvc'
cipher() { printf 'client smb3 encryption algorithms=AES-%s' "$1"; }
for auth in ntlm kerberos; do
  option=(); [ $auth = ntlm ] || option=(--kerberos)
  sealed smb_${auth}_clear - ms1 "SMB 3.1.1, signed (AES-CMAC), $auth" 'ncacn_np:ms1.lab.test[smb2]' "$SMB_CALLS" \
    --option 'client smb3 signing algorithms=AES-128-CMAC' "${option[@]}"
  sealed smb_${auth}_gmac smb_${auth}_clear ms1 "SMB 3.1.1, signed (AES-GMAC), $auth" 'ncacn_np:ms1.lab.test[smb2]' \
    "$SMB_CALLS" --option 'client smb3 signing algorithms=AES-128-GMAC' "${option[@]}"
  sealed smb_${auth}_21 smb_${auth}_clear ms1 "SMB 2.1, signed (HMAC-SHA256), $auth" 'ncacn_np:ms1.lab.test[smb2]' \
    "$SMB_CALLS" --option 'client ipc max protocol=SMB2_10' "${option[@]}"
  sealed smb_${auth}_302 smb_${auth}_clear ms1 "SMB 3.0.2, encrypted (AES-128-CCM), $auth" 'ncacn_np:ms1.lab.test[smb2]' \
    "$SMB_CALLS" --encrypt required --option 'client ipc max protocol=SMB3_02' "${option[@]}"
  for algorithm in 128-CCM 128-GCM 256-CCM 256-GCM; do
    name=${algorithm#*-}${algorithm%-*}
    sealed smb_${auth}_${name,,} smb_${auth}_clear ms1 "SMB 3.1.1, encrypted (AES-$algorithm), $auth" \
      'ncacn_np:ms1.lab.test[smb2]' "$SMB_CALLS" --encrypt required --option "$(cipher $algorithm)" "${option[@]}"
  done
  sealed smb_${auth}_dc smb_${auth}_dc_clear dc1 "SMB 3.1.1, encrypted, to the domain controller, $auth" \
    'ncacn_np:dc1.lab.test[smb2]' "samr lsarpc" --encrypt required "${option[@]}"
  sealed smb_${auth}_dc_clear - dc1 "SMB 3.1.1, signed, to the domain controller, $auth" \
    'ncacn_np:dc1.lab.test[smb2]' "samr lsarpc" "${option[@]}"
  sealed smb_${auth}_sealed_twice smb_${auth}_clear ms1 "RPC sealed inside encrypted SMB 3.1.1, $auth" \
    'ncacn_np:ms1.lab.test[smb2,seal]' "$SMB_CALLS" --encrypt required "${option[@]}"
  sealed smb_${auth}_privacy smb_${auth}_clear ms1 "RPC at privacy over signed SMB 3.1.1, $auth" \
    'ncacn_np:ms1.lab.test[smb2,seal]' "$SMB_CALLS" "${option[@]}"
  sealed smb_${auth}_integrity smb_${auth}_clear ms1 "RPC at integrity over signed SMB 3.1.1, $auth" \
    'ncacn_np:ms1.lab.test[smb2,sign]' "$SMB_CALLS" "${option[@]}"
  sealed tcp_${auth}_clear - ms1 "TCP, $auth at connect" 'ncacn_ip_tcp:ms1.lab.test[connect]' "$TCP_CALLS" "${option[@]}"
  for level in integrity privacy; do
    word=sign; [ $level = integrity ] || word=seal
    sealed tcp_${auth}_$level tcp_${auth}_clear ms1 "TCP, $auth in SPNEGO at $level" \
      "ncacn_ip_tcp:ms1.lab.test[$word,spnego]" "$TCP_CALLS" "${option[@]}"
    raw=ntlm; [ $auth = ntlm ] || raw=krb5
    sealed tcp_${auth}_raw_$level tcp_${auth}_clear ms1 "TCP, $auth without SPNEGO at $level" \
      "ncacn_ip_tcp:ms1.lab.test[$word,$raw]" "$TCP_CALLS" "${option[@]}"
  done
  sealed tcp_${auth}_dc tcp_${auth}_dc_clear dc1 "TCP, $auth at privacy, to the domain controller" \
    'ncacn_ip_tcp:dc1.lab.test[seal]' "samr" "${option[@]}"
  sealed tcp_${auth}_dc_clear - dc1 "TCP, $auth at integrity, to the domain controller" \
    'ncacn_ip_tcp:dc1.lab.test[sign]' "samr" "${option[@]}"
done
sealed smb_ntlm_nodomain smb_ntlm_dc_clear dc1 "SMB 3.1.1, encrypted; the client names no domain" \
  'ncacn_np:dc1.lab.test[smb2]' "samr lsarpc" --encrypt required --domain ''
# Kerberos with other encryption types: the client asks for these only.
for type in aes128 rc4; do
  sealed smb_kerberos_$type smb_kerberos_clear ms1 "SMB 3.1.1, encrypted; session key of $type" \
    'ncacn_np:ms1.lab.test[smb2]' "$SMB_CALLS" --encrypt required --kerberos
  sealed tcp_kerberos_$type tcp_kerberos_clear ms1 "TCP, sealed by Kerberos with $type" \
    'ncacn_ip_tcp:ms1.lab.test[seal]' "$TCP_CALLS" --kerberos
  for name in smb_kerberos_$type tcp_kerberos_$type; do
    eval "$(declare -f record_$name | sed "s|domain $name|RPCM_KRB5_CONF=\$LAB/conf/krb5-$type.conf domain $name|")"
  done
done
# A machine's own channel to the controller: sealed with a key that both derive from the machine
# account's, after challenges that must have been seen.
sealed netlogon_clear - dc1 "netlogon over TCP, NTLM at integrity" 'ncacn_ip_tcp:dc1.lab.test[sign]' netlogon
sealed schannel_tcp netlogon_clear dc1 "netlogon through its secure channel at privacy, over TCP" \
  'ncacn_ip_tcp:dc1.lab.test[schannel,seal]' netlogon --user 'MS1$' --password "$MS_MACHINE"
sealed schannel_smb netlogon_clear dc1 "the same over SMB" \
  'ncacn_np:dc1.lab.test[smb2,schannel,seal]' netlogon --user 'MS1$' --password "$MS_MACHINE"

# ---- Variants of the above, made by derive.py ----

derived() {  # NAME VARIANT SOURCE SUFFIX ABOUT
  scenario "$1" "" "$5"
  eval "record_$1() { python3 \"\$LAB_SOURCE/derive.py\" $2 <(zcat -f tests/captures/$3.pcap*) \"\$LAB/out/$1.$4\"; }"
}
derived demo_loss loss demo pcap "demo.pcap with every 17th payload packet missing"
derived wmi_unbound unbound wmi_process pcap "wmi_process.pcap without the binds to the objects: interfaces are known by what the objects are"
derived demo_vlan vlan demo pcap "demo.pcap with an 802.1Q tag"
derived demo_qinq qinq demo pcap "demo.pcap with two VLAN tags"
derived demo_cooked cooked demo pcap "demo.pcap as Linux cooked capture"
derived demo_raw raw demo pcap "demo.pcap as raw IP"
derived demo_pcapng pcapng demo pcapng "demo.pcap as pcapng with nanoseconds"
derived demo_truncated truncated demo pcap "demo.pcap, the file ending inside a packet"
derived large_reordered reorder large_tcp pcap "large_tcp.pcap with neighbouring packets swapped"
derived large_duplicated duplicate large_tcp pcap "large_tcp.pcap with every 5th packet twice"
derived large_loss loss large_tcp pcap "large_tcp.pcap with every 17th payload packet missing"
