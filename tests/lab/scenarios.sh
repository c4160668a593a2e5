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
