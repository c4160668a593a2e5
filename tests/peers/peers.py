"""Compares what we make of other projects' test captures with what these projects expect of them.

peers.py RPCMARSHAL CORPUS; exit status 77 when the corpus is absent. Every line of Zeek's
dce_rpc.log baselines must be among ours, with the same addresses, pipe, endpoint, operation and
round-trip time; and of Suricata's expectations each that counts calls must hold. What differs
is listed below, each with its reason; a difference that is not listed, or listed and gone, fails.
"""
import collections
import ipaddress
import json
import pathlib
import re
import subprocess
import sys

# Zeek's baseline -> the capture it was made from.
ZEEK = {
    "scripts.base.protocols.dce-rpc.context": "cs_window7-join_stream092.pcap",
    "scripts.base.protocols.dce-rpc.dce_rpc_netlogon": "dce_rpc_netlogon.pcapng",
    "scripts.base.protocols.dce-rpc.mapi": "mapi.pcap",
    "scripts.base.protocols.smb.smb1-transaction-dcerpc":
        "dssetup_DsRoleGetPrimaryDomainInformation_standalone_workstation.cap",
}
COLUMNS = ["id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "named_pipe", "endpoint", "operation"]

# (baseline, column, Zeek's value, ours) -> why one column of a line differs.
ZEEK_DIFFERENCES = {}

# (baseline, client's port, operation, round-trip time) -> why we have no such line.
ZEEK_ONLY = {
    ("mapi", "1073", "EcRRegisterPushNotification", "0.003998"):
        "logged twice: at the connection's end Zeek writes the last answered call again in place of "
        "the EcDoRpc that was sent after it and never answered, which is no_response here",
}

# (capture, filter) -> (Suricata's count, ours, why).
SURICATA_DIFFERENCES = {
    ("dcerpc-3109.pcap", "call_id=2"):
        (2, 1, "counts SMB records: the bind has call id 2 as well as the call"),
    ("dcerpc-smb-ctxid.pcap", "service=atsvc"):
        (2, 1, "counts SMB records: the bind and the call"),
    ("dcerpc-dce-iface-02.pcap",
     "call_id=27 frag_cnt=1 stub_data_size=24 request=REQUEST frag_cnt=1 stub_data_size=68 "
     "response=RESPONSE rpc_version=5.0"):
        (1, 0, "takes padding and authentication verifier for stub: 8 and 60 bytes are stub"),
}


def read(program, capture, form):
    run = subprocess.run([program, "read", "--format", form, "--no-summary", str(capture)],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if run.returncode not in (0, 1):
        raise RuntimeError(f"{capture.name}: exit status {run.returncode}: {run.stderr.decode()[-300:]}")
    return run.stdout.decode()


def zeek_rows(text):
    fields, rows = [], []
    for line in text.splitlines():
        if line.startswith("#fields"):
            fields = line.split("\t")[1:]
        elif line and not line.startswith("#"):
            rows.append(dict(zip(fields, line.split("\t"))))
    return rows


def zeek(program, corpus):
    problems, lines, explained = [], 0, collections.Counter()
    for baseline, capture in ZEEK.items():
        theirs = zeek_rows((corpus / "zeek-baseline" / f"{baseline}__dce_rpc.log").read_text())
        ours = zeek_rows(read(program, corpus / "zeek-btest" / capture, "zeek"))
        taken = set()
        for row in theirs:
            lines += 1
            best, fewest = None, None
            for number, candidate in enumerate(ours):
                if number in taken or any(row[c] != candidate[c] for c in COLUMNS[:4]):
                    continue
                if row["rtt"] != "-" and (candidate["rtt"] == "-" or
                                          abs(float(row["rtt"]) - float(candidate["rtt"])) > 2e-6):
                    continue
                different = [c for c in COLUMNS[4:] if row[c] != candidate[c]]
                if fewest is None or len(different) < len(fewest):
                    best, fewest = number, different
            if best is None or row["operation"] != ours[best]["operation"]:
                key = (baseline.rsplit(".", 1)[1], row["id.orig_p"], row["operation"], row["rtt"])
                if key in ZEEK_ONLY:
                    explained[key] += 1
                    continue
            if best is None:
                problems.append(f"{baseline}: not among ours: {row}")
                continue
            taken.add(best)
            for column in fewest:
                key = (baseline.rsplit(".", 1)[1], column, row[column], ours[best][column])
                if key in ZEEK_DIFFERENCES:
                    explained[key] += 1
                else:
                    problems.append(f"not explained: {key}")
    problems += [f"explained, but there is no such difference: {key}"
                 for key in (ZEEK_DIFFERENCES.keys() | ZEEK_ONLY.keys()) - explained.keys()]
    print(f"Zeek: {lines} lines of dce_rpc.log, {sum(explained.values())} differ as explained")
    return problems


def suricata_filters(text):
    """(count, match) of every check of a test.yaml; the files are regular enough to be read by line."""
    filters, current = [], None
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.endswith("filter:"):
            current = {"count": None, "match": {}}
            filters.append(current)
        elif current is not None and stripped.startswith("count:"):
            current["count"] = int(stripped.split(":")[1])
        elif current is not None and re.match(r"[a-z_][\w.\[\]]*: ?\S", stripped):
            key, value = stripped.split(":", 1)
            current["match"][key] = value.strip().strip("'\"")
    return [f for f in filters if f["count"] is not None]


def matches(event, want):
    """Whether one of our calls is what a filter over Suricata's records asks for; None when the
    filter asks for something that is no call."""
    want = {k.removeprefix("smb."): v for k, v in want.items()}
    if want.get("dcerpc.request", "REQUEST") != "REQUEST" or not any(
            k.startswith("dcerpc.") for k in want):
        return None
    if want.get("dcerpc.response", "RESPONSE") not in ("RESPONSE", "FAULT"):
        return None
    interface = event.get("interface", {})
    for key, value in want.items():
        if key in ("dcerpc.req.opnum", "dcerpc.opnum"):
            if event.get("opnum") != int(value):
                return False
        elif key in ("dcerpc.call_id", "dcerpc.seqnum"):
            if event["call_id"] != int(value):
                return False
        elif key == "dcerpc.interfaces[0].uuid":
            if interface.get("uuid") != value:
                return False
        elif key == "dcerpc.interfaces[0].procedure":
            # Suricata's names are Zeek's.
            if value not in (event.get("operation"), *event.get("aliases", [])):
                return False
        elif key == "dcerpc.req.stub_data_size":
            if event["decode"].get("request", {}).get("size") != int(value):
                return False
        elif key == "dcerpc.res.stub_data_size":
            if event["decode"].get("response", {}).get("size") != int(value):
                return False
        elif key == "src_port":
            if event["client"]["port"] != int(value) and event["server"]["port"] != int(value):
                return False
        elif key == "dest_port":
            if event["client"]["port"] != int(value) and event["server"]["port"] != int(value):
                return False
        elif key in ("src_ip", "dest_ip"):
            address = str(ipaddress.ip_address(value))
            if address not in (event["client"]["address"], event["server"]["address"]):
                return False
        elif key == "dcerpc.response":
            if (value == "FAULT") != (event["outcome"] in ("fault", "denied")):
                return False
    return True


def suricata(program, corpus):
    problems, checked, explained = [], 0, set()
    for capture in sorted((corpus / "suricata-verify").glob("*.pcap*")):
        expectations = sorted((corpus / "suricata-verify-expect").glob(f"*{capture.stem}__test.yaml"))
        if not expectations:
            continue
        events = [json.loads(line) for line in read(program, capture, "json").splitlines()]
        events = [e for e in events if e.get("kind") != "bind" and "opnum" in e]
        for expectation in expectations:
            for check in suricata_filters(expectation.read_text()):
                match = check["match"]
                if match.get("event_type") not in ("dcerpc", "smb"):
                    continue
                told = [matches(e, match) for e in events]
                if not told and check["count"] and any("opnum" in k for k in match):
                    told = [False]
                if not told or None in told:
                    continue
                checked += 1
                if sum(told) == check["count"]:
                    continue
                what = " ".join(f"{k.rsplit('.', 1)[-1]}={v}" for k, v in sorted(match.items())
                                if "dcerpc." in k)
                key = (capture.name, what)
                if SURICATA_DIFFERENCES.get(key, (None,))[:2] == (check["count"], sum(told)):
                    explained.add(key)
                else:
                    problems.append(f"not explained: {key}: Suricata {check['count']}, we {sum(told)}")
    problems += [f"explained, but there is no such difference: {key}"
                 for key in SURICATA_DIFFERENCES.keys() - explained]
    print(f"Suricata: {checked} counts of calls, {len(explained)} differ as explained")
    return problems, checked


def main():
    program, corpus = sys.argv[1], pathlib.Path(sys.argv[2])
    if not (corpus / "zeek-baseline").is_dir():
        print(f"skipped: no captures of other projects at {corpus}")
        return 77
    problems = zeek(program, corpus)
    more, checked = suricata(program, corpus)
    for problem in problems + more:
        print(problem)
    return 1 if problems or more or not checked else 0


sys.exit(main())
