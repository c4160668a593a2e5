#!/usr/bin/env python3
"""Compares our decoder with the text of Samba's ndrdump, for interfaces without Python bindings.

usage: compare_ndrdump.py [--verbose] ORACLE_VALUES FILE...

Every number, text, GUID, SID and handle that one of the two shows must be shown by the other, in the
same order. Differences with a known reason are in EXPLAINED. Last line "N passed, N failed, N
skipped", where an operation's half is one test. Exit status 1 with unexplained differences, 77
without ndrdump or FILE.
"""

import argparse
import collections
import glob
import json
import re
import shutil
import subprocess
import sys

import leaves

try:
    import ndrdump_leaves
except ImportError as error:
    print(f"skipped: python3-samba is not installed ({error})")
    sys.exit(77)

# Our interface: ndrdump's pipe. Its object interfaces are of no use: it counts their opnums without
# those of IUnknown and knows no ORPCTHIS, so that it refuses every real call.
PIPES = {
    "eventlog": "eventlog", "dssetup": "dssetup", "efsrpc": "efs",
    "FileServerVssAgent": "FileServerVssAgent", "IObjectExporter": "IOXIDResolver",
    "BackupKey": "backupkey", "IEventService": "eventlog6", "InitShutdown": "initshutdown",
    "IRemoteWinspool": "iremotewinspool", "netdfs": "netdfs", "browser": "browser",
    "pnp": "ntsvcs", "atsvc": "atsvc", "IActivation": "IRemoteActivation",
}
# (where, ours or None, theirs or None) as patterns: why they differ.
EXPLAINED = [
    (r"^eventlog\.ElfrOpen.* request$", "-", "unknown1:int",
     "the server's name is one character to the definition; Samba reads two numbers, the second is padding"),
    (r"^pnp\.PNP_GetDeviceList response$", "Buffer:text", "-", "a list without any name: no leaf to Samba"),
]


def read_stubs(program, path):
    run = subprocess.run([program, "read", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         check=False)
    for line in run.stdout.splitlines():
        yield json.loads(line)


def ours_of(stub):
    """Our tokens, as ndrdump would show them."""
    out = []
    for path, token in leaves.of_stub(stub):
        if token[0] == "missing":
            continue
        out.append((path, token))
    return out


def same(ours, theirs):
    if theirs[0] == "time" and ours[0] == "int":
        return ours[1] in (theirs[1], (theirs[1] + 11644473600) * 10_000_000)
    return leaves.same(ours, theirs)


def explained(where, left, right):
    mine = f"{leaves.general(left[0])}:{left[1][0]}" if left else "-"
    other = f"{right[0]}:{right[1][0]}" if right else "-"
    for pattern, first, second, reason in EXPLAINED:
        if re.search(pattern, where) and re.fullmatch(first, mine) and re.fullmatch(second, other):
            return reason
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--limit", type=int, default=40, help="stubs of one operation's half")
    parser.add_argument("program")
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    files = sorted(path for pattern in options.files for path in glob.glob(pattern))
    if not files or not shutil.which("ndrdump"):
        print("skipped: no capture, or no ndrdump (Debian's samba-testsuite)")
        sys.exit(77)
    passed, failed = collections.Counter(), collections.defaultdict(list)
    refused, reasons, equal, seen = collections.Counter(), collections.Counter(), 0, set()
    taken = collections.Counter()
    for path in files:
        canned = any(word in path for word in ("_synth_", "fake_"))
        requests = {}
        for stub in read_stubs(options.program, path):
            if stub["half"] == "request":
                requests[stub["id"]] = stub
            pipe = PIPES.get(stub["interface"])
            if pipe is None or "leaves" not in stub or stub["status"] != "complete" or stub["big"]:
                continue
            request = requests.get(stub["id"]) if stub["half"] == "response" else None
            if stub["half"] == "response" and (canned or request is None):
                continue
            key = (stub["interface"], stub["opnum"], stub["half"], stub["stub"])
            where = f"{stub['interface']}.{stub['operation']} {stub['half']}"
            if key in seen or taken[where] >= options.limit:
                continue
            seen.add(key)
            taken[where] += 1
            theirs = ndrdump_leaves.dump(pipe, stub["opnum"], bytes.fromhex(stub["stub"]),
                                         request and bytes.fromhex(request["stub"]), stub["ndr64"])
            if isinstance(theirs, str):
                refused[f"{where}: {theirs}"] += 1
                continue
            bad = []
            for left, right in leaves.align(ours_of(stub), theirs):
                if left and right and same(left[1], right[1]):
                    equal += 1
                    continue
                reason = explained(where, left, right)
                if reason:
                    reasons[reason] += 1
                else:
                    bad.append((left, right))
            if bad:
                failed[where].append((stub, bad))
            else:
                passed[where] += 1
    for where, examples in failed.items():
        print(f"different: {where}, {len(examples)} of {taken[where]} stubs")
        for left, right in examples[0][1][:8 if options.verbose else 2]:
            print(f"    ours {left}  ndrdump's {right}")
        if options.verbose:
            print("   ", examples[0][0]["stub"][:400])
    for reason, count in reasons.most_common():
        print(f"explained {count:5} x {reason}")
    for text, count in refused.most_common():
        print(f"ndrdump refuses {count:4} x {text}")
    print(f"stubs compared {sum(passed.values()) + sum(map(len, failed.values()))}, leaves equal {equal}")
    good = set(passed) - set(failed)
    print(f"{len(good)} passed, {len(failed)} failed, {len(set(taken) - good - set(failed))} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
