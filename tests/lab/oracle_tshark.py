#!/usr/bin/env python3
"""Compares `rpcmarshal read` with tshark, an independent decoder, over recorded captures.

usage: oracle_tshark.py [--marshal PROGRAM] [--verbose] [--keys FOLDER] CAPTURE_OR_FOLDER...

Per capture, of both programs:
  - requests, responses and faults per (interface UUID, opnum), and fault status codes;
  - every string argument tshark decodes must be among the strings of our events of that procedure
    and direction, as often;
  - return values, context handles and chosen numbers (NUMBERS) likewise.
With --keys both programs get FOLDER's lab.keytab, and the passwords of its lab.secrets. tshark opens
less than there is (no Kerberos SMB 3.1.1 session, no second exchange of NTLM inside SPNEGO, and what
it decrypts wrongly it shows), so only what both opened is compared: every call that tshark shows with
arguments and without a complaint must have those arguments in our events.
Of a capture with missing bytes (name says loss, truncated or snaplen) we must show at least as much
as tshark. Captures are one test each: prints a line for each, a difference per line below it, and at
the end "N passed, N failed, N skipped". Exit status: 0, 1 with differences, 77 without tshark.
"""

import argparse
import atexit
import collections
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import uuid
import xml.etree.ElementTree as ElementTree

REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, ALTER, ALTER_ACK = 0, 2, 3, 11, 12, 14, 15
UNKNOWN = (None, None)
TSHARK = ["tshark", "-n", "-T", "pdml"]
KEYED = {"srvsvc", "samr", "netlogon", "lsarpc"}  # with --keys: whose strings are compared

# tshark field -> our parameter or member, wherever it is in the call. Plain numbers only: our
# enumerations and flags are names, compared through NAMES.
NUMBERS = {
    "atsvc.atsvc_JobInfo.job_time": "JobTime",
    "atsvc.atsvc_JobDel.min_job_id": "MinJobId",
    "atsvc.atsvc_JobDel.max_job_id": "MaxJobId",
    "atsvc.atsvc_enum_ctr.entries_read": "EntriesRead",
    "svcctl.depend_size": "dwDependSize",
    "svcctl.password_size": "dwPwSize",
    "winreg.winreg_EnumKey.enum_index": "dwIndex",
    "winreg.winreg_EnumValue.enum_index": "dwIndex",
    "winreg.winreg_QueryInfoKey.num_subkeys": "lpcSubKeys",
    "winreg.winreg_QueryInfoKey.num_values": "lpcValues",
    "winreg.winreg_QueryInfoKey.max_subkeylen": "lpcbMaxSubKeyLen",
    "winreg.winreg_GetVersion.version": "lpdwVersion",
    "srvsvc.srvsvc_NetRemoteTODInfo.elapsed": "tod_elapsedt",
    "srvsvc.srvsvc_NetRemoteTODInfo.year": "tod_year",
    "srvsvc.srvsvc_NetShareEnumAll.totalentries": "TotalEntries",
    "epm.max_ents": "max_ents",
    "epm.num_ents": "num_ents",
    "epm.num_towers": "num_towers",
}
NAMES = {
    "svcctl.service_start_type": ("dwStartType", {
        0: "SERVICE_BOOT_START", 1: "SERVICE_SYSTEM_START", 2: "SERVICE_AUTO_START",
        3: "SERVICE_DEMAND_START", 4: "SERVICE_DISABLED"}),
    "svcctl.service_error_control": ("dwErrorControl", {
        0: "SERVICE_ERROR_IGNORE", 1: "SERVICE_ERROR_NORMAL", 2: "SERVICE_ERROR_SEVERE",
        3: "SERVICE_ERROR_CRITICAL"}),
}
RETURNS = {"svcctl.rc", "atsvc.status", "epm.rc", "winreg.werror", "srvsvc.werror", "efs.werror"}
HANDLES = {"svcctl.hnd", "winreg.handle", "winreg.winreg_OpenKey.parent_handle",
           "winreg.winreg_CreateKey.new_handle", "winreg.winreg_SaveKey.handle", "epm.hnd"}
# Interfaces whose string arguments are compared.
PROTOCOLS = {"svcctl", "atsvc", "winreg", "srvsvc", "efs"}
# (UUID, opnum) that only Samba serves: no protocol document has them, and so no interface of ours.
NOT_DOCUMENTED = {("338cd001-2244-31f1-aaaa-900038001003", 14),
                  ("4b324fc8-1670-01d3-1278-5a47bf6ee188", 0),
                  ("4b324fc8-1670-01d3-1278-5a47bf6ee188", 3)}
# What tshark calls a string and is none of the call's: parts of a tower, texts it made up.
NOT_STRINGS = {"epm.proto.named_pipe", "epm.proto.netbios_name"}


class Calls:
    """What one program saw in one capture: counters keyed by (uuid, opnum)."""

    def __init__(self):
        self.counts = {kind: collections.Counter() for kind in (REQUEST, RESPONSE, FAULT)}
        self.statuses = collections.Counter()
        self.values = collections.defaultdict(collections.Counter)  # (what, uuid, opnum, kind)


def is_damaged(path):
    return any(word in path.name for word in ("loss", "truncated", "snaplen"))


def key_options(folder):
    """Options that give both programs the folder's keys. rpcmarshal refuses files that others may
    read, which a checkout leaves them."""
    private = pathlib.Path(tempfile.mkdtemp(prefix="rpcm-keys."))
    atexit.register(shutil.rmtree, private)
    for name in ("lab.keytab", "lab.secrets"):
        shutil.copyfile(folder / name, private / name)
        (private / name).chmod(0o600)
    # tshark takes one password.
    password = next(line.split()[2] for line in (folder / "lab.secrets").read_text().splitlines()
                    if line.startswith("password"))
    return ({"kerberos": ["-K", str(private / "lab.keytab"), "-o", "kerberos.decrypt:TRUE"],
             "ntlm": ["-o", f"ntlmssp.nt_password:{password}"]},
            ["--keytab", str(private / "lab.keytab"), "--secrets", str(private / "lab.secrets")])


def string_fields(protocols):
    """Names of tshark's fields of string type, of the protocols compared."""
    output = subprocess.run(["tshark", "-G", "fields"], capture_output=True, text=True).stdout
    names = set()
    for line in output.splitlines():
        column = line.split("\t")
        if column[0] == "F" and column[3].startswith("FT_STRING"):
            if column[2].split(".")[0] in protocols:
                names.add(column[2])
    return names - NOT_STRINGS


def values_of(proto, name):
    return [field.get("show", "") for field in proto.iter("field") if field.get("name") == name]


def number_of(proto, name, default=None):
    found = values_of(proto, name)
    return int(found[0], 0) if found and found[0] else default


class TsharkReader:
    """Reads PDML: a list of protocols per packet; what follows a dcerpc one is its stub."""

    def __init__(self, strings, options=()):
        self.strings = strings
        self.options = options
        self.calls = Calls()
        self.contexts = {}   # (stream, file id, context id) -> uuid, as accepted
        self.proposed = {}   # (stream, call id) -> [((stream, file id, context id), uuid)]
        self.offered = {}    # The same before acceptance: all there is when that was lost
        self.requests = {}   # (frame, call id) -> (uuid, opnum), until it is answered

    def read(self, path):
        # With this option a lost segment ends the connection; without it, a swapped one does harm.
        order = f"tcp.reassemble_out_of_order:{'FALSE' if is_damaged(path) else 'TRUE'}"
        process = subprocess.Popen([*TSHARK, *self.options, "-o", order, "-r", str(path)],
                                   stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
        for _, packet in ElementTree.iterparse(process.stdout):
            if packet.tag == "packet":
                self.packet(packet)
                packet.clear()
        process.wait()
        return self.calls

    def packet(self, packet):
        frame = stream = file_id = None
        current = None
        # What was decrypted stands inside the protocol that sealed it.
        for proto in packet.iter("proto") if self.options else packet:
            name = proto.get("name")
            if name == "geninfo":
                frame = number_of(proto, "num")
            elif name == "tcp":
                stream = number_of(proto, "tcp.stream")
            elif name in ("smb", "smb2"):
                file_id = (values_of(proto, f"{name}.fid") or [None])[0]
            elif name == "dcerpc":
                current = self.pdu(proto, frame, stream, file_id)
            elif current and name not in ("fake-field-wrapper", "data"):
                self.stub(proto, *current)

    def pdu(self, proto, frame, stream, file_id):
        kind = number_of(proto, "dcerpc.pkt_type")
        call = number_of(proto, "dcerpc.cn_call_id")
        first = number_of(proto, "dcerpc.cn_flags.first_frag", 1)
        if kind in (BIND, ALTER):
            contexts = values_of(proto, "dcerpc.cn_ctx_id")
            names = values_of(proto, "dcerpc.cn_bind_to_uuid")
            self.proposed[stream, call] = [((stream, file_id, int(context)), name)
                                           for context, name in zip(contexts, names)]
            self.offered.update(self.proposed[stream, call])
            return None
        if kind in (BIND_ACK, ALTER_ACK):
            results = values_of(proto, "dcerpc.cn_ack_result")
            for result, (context, name) in zip(results, self.proposed.pop((stream, call), [])):
                if result == "0":
                    self.contexts[context] = name
            return None
        if kind == REQUEST:
            context = number_of(proto, "dcerpc.cn_ctx_id", 0)
            where = (stream, file_id, context)
            key = (self.contexts.get(where) or self.offered.get(where),
                   number_of(proto, "dcerpc.opnum"))
            self.requests[frame, call] = key
        elif kind in (RESPONSE, FAULT):
            # tshark takes a fault that refuses an alter_context for a second answer to the last
            # request with that call id: only the first is one.
            asked = (number_of(proto, "dcerpc.request_in"), call)
            key = self.requests.get(asked, UNKNOWN)
            if number_of(proto, "dcerpc.cn_flags.last_frag", 1):
                self.requests.pop(asked, None)
        else:
            return None
        if key[0] is None:
            return None
        if first:
            self.calls.counts[kind][key] += 1
            if kind == FAULT:
                self.calls.statuses[key + (number_of(proto, "dcerpc.cn_status"),)] += 1
        little = number_of(proto, "dcerpc.drep.byteorder", 1) == 1
        return key, kind, little

    def stub(self, proto, key, kind, little):
        values = self.calls.values
        for field in proto.iter("field"):
            name, show = field.get("name"), field.get("show")
            if not name or not show:
                continue
            if name in self.strings:
                values[("string", *key, kind)][show] += 1
            elif name in NUMBERS:
                values[(NUMBERS[name], *key, kind)][int(show, 0)] += 1
            elif name in NAMES:
                member, names = NAMES[name]
                number = int(show, 0)
                values[(member, *key, kind)][names.get(number, number)] += 1
            elif name in RETURNS and kind == RESPONSE:
                values[("return", *key, kind)][int(show, 0)] += 1
            elif name in HANDLES:
                raw = bytes.fromhex(show.replace(":", ""))[4:20]
                if any(raw):
                    handle = uuid.UUID(bytes_le=raw) if little else uuid.UUID(bytes=raw)
                    values[("handle", *key, kind)][str(handle)] += 1


def leaves(value, name=None):
    """(member name, scalar) of everything below a JSON value."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from leaves(child, key)
    elif isinstance(value, list):
        for child in value:
            yield from leaves(child, name)
    else:
        yield name, value


def read_marshal(program, path, keys=()):
    calls = Calls()
    run = subprocess.run([program, "read", *keys, "--format", "json", str(path)],
                         capture_output=True)
    if run.returncode < 0 or run.returncode > 2:
        raise RuntimeError(f"{program} ended with {run.returncode}: {run.stderr.decode()[-300:]}")
    members = set(NUMBERS.values()) | {member for member, _ in NAMES.values()}
    for line in run.stdout.splitlines():
        event = json.loads(line)
        key = (event.get("interface", {}).get("uuid"), event.get("opnum"))
        outcome = event.get("outcome")
        # Calls on a context nobody offered have no interface: those of tshark are passed over too.
        # tshark does not know an interface by what the object is.
        if outcome == "rejected" or None in key or event["interface"].get("inferred") == "object":
            continue
        if outcome != "response_only":
            calls.counts[REQUEST][key] += 1
        if outcome in ("fault", "denied"):
            calls.counts[FAULT][key] += 1
            calls.statuses[key + (event.get("fault", {}).get("status"),)] += 1
        elif outcome in ("returned", "response_only"):
            calls.counts[RESPONSE][key] += 1
        for kind, part in ((REQUEST, "request"), (RESPONSE, "response")):
            arguments = dict(event.get(part, {}))
            # The endpoint mapper's procedures give their status as an argument.
            for returned in filter(None, (arguments.pop("return", None), arguments.get("status"))):
                value = returned.get("value") if isinstance(returned, dict) else returned
                calls.values[("return", *key, kind)][value] += 1
            for name, value in leaves(arguments):
                if name == "handle":
                    calls.values[("handle", *key, kind)][str(value).lower()] += 1
                elif name in members:
                    calls.values[(name, *key, kind)][value] += 1
                if isinstance(value, str):
                    calls.values[("string", *key, kind)][value] += 1
    return calls


def differences(theirs, ours, damaged):
    """One line per thing tshark saw and we did not, or the other way round for calls."""
    labels = {REQUEST: "requests", RESPONSE: "responses", FAULT: "faults"}
    for kind, label in labels.items():
        for key in sorted(theirs.counts[kind] | ours.counts[kind], key=str):
            expected, found = theirs.counts[kind][key], ours.counts[kind][key]
            if found < expected or (found > expected and not damaged):
                yield f"{label} of {key[0]} opnum {key[1]}: tshark {expected}, rpcmarshal {found}"
    for key in sorted(theirs.statuses, key=str):
        if ours.statuses[key] < theirs.statuses[key]:
            yield f"fault status of {key[0]} opnum {key[1]}: tshark 0x{key[2] or 0:08x}, not ours"
    for key in sorted(theirs.values, key=str):
        what, interface, opnum, kind = key
        if (interface, opnum) in NOT_DOCUMENTED:
            continue
        for value, expected in sorted((theirs.values[key] - ours.values[key]).items(), key=str):
            near = sorted(map(str, ours.values[key] - theirs.values[key]))[:3]
            yield (f"{what} in {labels[kind]} of {interface} opnum {opnum}: tshark {value!r} "
                   f"({expected} more than ours)" + (f"; ours {near}" if near else ""))


def keyed_differences(theirs, ours):
    """Calls and values that tshark opened and we did not show."""
    for kind in (REQUEST, RESPONSE):
        for key, expected in theirs.counts[kind].items():
            if ours.counts[kind][key] < expected:
                yield (f"{key[0]} opnum {key[1]}: tshark {expected} PDUs of type {kind}, "
                       f"rpcmarshal {ours.counts[kind][key]}")
    for key in sorted(theirs.values, key=str):
        what, interface, opnum, kind = key
        if what != "string" or (interface, opnum) in NOT_DOCUMENTED:
            continue
        for value, expected in sorted((theirs.values[key] - ours.values[key]).items(), key=str):
            near = sorted(map(str, ours.values[key] - theirs.values[key]))[:3]
            yield (f"{what} in {interface} opnum {opnum}: tshark {value!r} ({expected} more than "
                   f"ours)" + (f"; ours {near}" if near else ""))


def report(path, theirs, found, verbose):
    if found:
        print(f"  failed   {path.name}: {len(found)} differences from tshark")
        for line in found if verbose else found[:12]:
            print(f"             {line}")
    elif verbose:
        values = sum(sum(counter.values()) for counter in theirs.values.values())
        counts = theirs.counts
        print(f"  same     {path.name}: {counts[REQUEST].total()} requests, "
              f"{counts[RESPONSE].total()} responses, {counts[FAULT].total()} faults, "
              f"{values} argument values")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--marshal", default="build/release/rpcmarshal")
    parser.add_argument("--verbose", action="store_true", help="all differences, not the first 12")
    parser.add_argument("--keys", type=pathlib.Path, help="folder with lab.keytab and lab.secrets")
    parser.add_argument("captures", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    if not shutil.which("tshark"):
        print("  skipped  comparison: tshark is not installed")
        print("0 passed, 0 failed, 1 skipped")
        sys.exit(77)
    paths = []
    for path in options.captures:
        paths += sorted(path.glob("*.pcap*")) if path.is_dir() else [path]
    strings = string_fields(KEYED if options.keys else PROTOCOLS)
    their_keys, our_keys = key_options(options.keys) if options.keys else ({}, ())

    def compare(path):
        # Given both, tshark opens no NTLM session of SMB.
        kind = "kerberos" if "kerberos" in path.name else "ntlm"
        theirs = TsharkReader(strings, their_keys[kind] if options.keys else ()).read(path)
        try:
            ours = read_marshal(options.marshal, path, our_keys)
        except (RuntimeError, OSError, json.JSONDecodeError) as error:
            return theirs, [str(error)]
        if options.keys:
            return theirs, list(keyed_differences(theirs, ours))
        return theirs, list(differences(theirs, ours, is_damaged(path)))

    failed = skipped = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, (theirs, found) in zip(paths, pool.map(compare, paths)):
            failed += bool(found)
            if options.keys and not found and not theirs.values:
                skipped += 1
                print(f"  skipped  {path.name}: tshark opens nothing of it")
                continue
            report(path, theirs, found, options.verbose)
    print(f"{len(paths) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
