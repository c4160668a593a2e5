#!/usr/bin/env python3
"""Compares our decoder with Samba's, leaf by leaf, over the stubs of captures.

usage: compare_samba.py [--verbose] [--anew] ORACLE_VALUES FILE...

Every stub that oracle_values can read, of an operation that Samba has bindings for, is decoded by
both. Leaves are compared in the order of the declaration; names differ too much to be of use. What
one has and the other has not is a difference; one that is explained in differences.py counts as
explained.

Last lines: the figures, then "N passed, N failed, N skipped", where an operation's half in one
syntax is one test. Exit status 1 with unexplained differences, 77 without python3-samba or FILE.
"""

import argparse
import collections
import glob
import json
import re
import subprocess
import sys

import differences
import leaves
from leaves import align, general, same

try:
    import samba_leaves
except ImportError as error:
    print(f"skipped: python3-samba is not installed ({error})")
    sys.exit(77)
leaves.bytes_token = samba_leaves.bytes_token
leaves.towers = True


class Tally:
    def __init__(self):
        self.stubs = collections.Counter()
        self.equal = collections.Counter()
        self.explained = collections.Counter()
        self.unexplained = collections.Counter()
        self.examples = {}
        self.refused = collections.Counter()
        self.not_known = collections.Counter()
        self.not_encoded = 0
        self.misencoded = 0

    def difference(self, stub, ours, theirs):
        where = f"{stub['interface']}.{stub['operation']} {stub['half']}"
        mine = f"{general(ours[0])}:{ours[1][0]}" if ours else "-"
        other = f"{general(theirs[0])}:{theirs[1][0]}" if theirs else "-"
        reason = differences.explain(where, mine, other)
        key = (where, mine, other)
        if reason:
            self.explained[(reason,)] += 1
        else:
            self.unexplained[key] += 1
            self.examples.setdefault(key, (ours, theirs, stub))


    def refusal(self, stub, where, error, request):
        reason = "both stop" if stub["status"] == "partial" else None
        self.refused[(where, reason or differences.explain_refusal(where, error), error)] += 1
        self.examples.setdefault((where, error), (stub, request))


def syntax_of(stub):
    return ("ndr64" if stub["ndr64"] else "ndr") + (" big-endian" if stub["big"] else "")


def read_stubs(program, path):
    run = subprocess.Popen([program, "read", path], stdout=subprocess.PIPE)
    for line in run.stdout:
        yield json.loads(line)
    if run.wait() not in (0, 1):
        raise RuntimeError(f"oracle_values ended with {run.returncode} on {path}")


def reencode(worker, marshal, encodings, stub, how):
    """The stub with its values encoded another way by Samba, and decoded by us; or None."""
    answer = worker.decode(stub, encodings.get(("native", stub["id"])), how)
    if isinstance(answer, str):
        return None
    new = stub | {"ndr64": how["ndr64"], "big": how["bigendian"], "stub": answer[1].hex()}
    key = (how["ndr64"], how["bigendian"], stub["id"])
    if stub["half"] == "request":
        encodings[key] = new
    elif key not in encodings:
        return None
    return marshal.decode(new, encodings[key] if stub["half"] == "response" else None)


ENCODINGS = ({"ndr64": True, "bigendian": False}, {"ndr64": False, "bigendian": True})


def compare_stub(worker, stub, request, tally):
    """One stub. Returns whether Samba could read it."""
    name = f"{stub['interface']}.{stub['operation']}"
    theirs = worker.decode(stub, request)
    if isinstance(theirs, str):
        tally.refusal(stub, f"{name} {stub['half']}", re.sub(r"\d+", "n", theirs), request)
        return False
    ours = leaves.of_stub(stub)
    tally.stubs[f"{name} {stub['half']} {syntax_of(stub)}"] += 1
    for left, right in align(ours, theirs):
        if left and right and same(left[1], right[1]):
            tally.equal[syntax_of(stub)] += 1
        else:
            tally.difference(stub, left, right)
    return True


def compare(program, paths, anew, tally):
    """All stubs of the captures; with `anew`, also encoded otherwise by Samba."""
    worker = samba_leaves.Worker()
    marshal = leaves.Marshal([program])
    seen = set()
    for path in paths:
        encodings = {}
        canned = any(word in path for word in ("_synth_", "fake_"))  # answers are no real ones
        for stub in read_stubs(program, path):
            if canned and stub["half"] == "response":
                continue
            request = None
            if stub["half"] == "request":
                encodings = {("native", stub["id"]): stub}
            else:
                request = encodings.get(("native", stub["id"]))
            key = (stub["uuid"], stub["opnum"], stub["half"], stub["ndr64"], stub["big"],
                   stub["stub"], request and request["stub"])
            if key in seen and not anew:
                continue
            seen.add(key)
            if "_synth_" in path and differences.not_anew(stub, {"ndr64": stub["ndr64"]}):
                tally.misencoded += 1
                continue
            if "leaves" not in stub or not worker.decoder.knows(stub["uuid"], stub["major"],
                                                                stub["opnum"]):
                tally.not_known[stub["interface"] or stub["uuid"]] += 1
            elif compare_stub(worker, stub, request, tally) and anew:
                for how in ENCODINGS:
                    if differences.not_anew(stub, how):
                        tally.misencoded += 1
                        continue
                    new = reencode(worker, marshal, encodings, stub, how)
                    if new is None:
                        tally.not_encoded += 1
                    else:
                        compare_stub(worker, new, encodings.get((how["ndr64"], how["bigendian"],
                                                                 stub["id"])), tally)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--verbose", action="store_true", help="an example of every difference")
    parser.add_argument("--anew", action="store_true", help="also encode each stub's values as "
                        "NDR64 and big-endian with Samba's encoder, and compare those")
    parser.add_argument("program")
    parser.add_argument("files", nargs="+", help="captures, or patterns that match them")
    options = parser.parse_args()
    files = sorted(path for pattern in options.files for path in glob.glob(pattern))
    if not files:
        print("skipped: no", " ".join(options.files))
        sys.exit(77)
    tally = Tally()
    compare(options.program, files, options.anew, tally)
    for key, count in tally.unexplained.most_common():
        print(f"difference {count:6} x {key[0]}: ours {key[1]}, Samba's {key[2]}")
        if options.verbose:
            ours, theirs, stub = tally.examples[key]
            print(f"      {str(ours)[:150]}  {str(theirs)[:150]}\n      {stub['stub'][:300]}")
    failed = {key[0] for key in tally.unexplained}
    for (where, reason, error), count in tally.refused.most_common():
        if reason and not options.verbose:
            continue
        print(f"Samba refuses {count:4} x {where}: {error[:100]} ({reason or 'unexplained'})")
        if not reason:
            failed.add(where)
            if options.verbose:
                print("     ", str(tally.examples[where, error])[:2000])
    for (reason,), count in tally.explained.most_common():
        print(f"explained  {count:6} x {reason}")
    print("not compared, Samba has no bindings:",
          ", ".join(f"{name} {count}" for name, count in tally.not_known.most_common()) or "none")
    for syntax, count in sorted(tally.equal.items()):
        print(f"leaves equal, {syntax}: {count}")
    print(f"stubs compared {sum(tally.stubs.values())}, leaves equal {sum(tally.equal.values())}, "
          f"explained {sum(tally.explained.values())}, different {sum(tally.unexplained.values())}")
    reasons = collections.Counter()
    for (_, reason, _), count in tally.refused.items():
        reasons[reason or "unexplained"] += count
    print(f"encoded by Samba another way than defined (differences.py): {tally.misencoded}")
    if options.anew:
        print(f"not encoded anew by Samba: {tally.not_encoded}")
    print("refused by Samba:", ", ".join(f"{n} ({why})" for why, n in reasons.items()) or "none")
    print(f"{max(len(tally.stubs) - len(failed), 0)} passed, {len(failed)} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
