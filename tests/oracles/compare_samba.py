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
import difflib
import glob
import json
import re
import subprocess
import sys

try:
    import samba_leaves
    from samba_leaves import bytes_token, text_token
except ImportError as error:
    print(f"skipped: python3-samba is not installed ({error})")
    sys.exit(77)
import differences


def tower_leaves(path, octets):
    """A protocol tower ([C706] appendix L), which only Samba's IDL describes."""
    count = int.from_bytes(octets[:2], "little")
    yield path, ("int", count)
    at = 2
    for _ in range(count):
        sides = []
        for _ in range(2):
            size = int.from_bytes(octets[at:at + 2], "little")
            sides.append(octets[at + 2:at + 2 + size])
            at += 2 + size
        left, right = sides
        yield path, ("int", left[0])
        if left[1:]:
            yield path, bytes_token(left[1:])
        if left[0] in (0x07, 0x08, 0x0A, 0x0B, 0x0C, 0x1F):  # ports and minor versions: network order
            yield path, ("int", int.from_bytes(right, "big"))
        elif left[0] == 0x09:
            yield path, ("text", ".".join(map(str, right)))
        elif left[0] in (0x0F, 0x10, 0x11):
            yield path, text_token(right.decode("latin-1"))
        elif right:
            yield path, bytes_token(right)


def our_leaves(leaves):
    """(path, token) of oracle_values' leaves; samba_leaves.py says what tokens are."""
    for path, kind, *value in leaves:
        if kind in ("int", "bool", "time"):
            yield path, ("int", value[0])
        elif kind in ("ints", "bytes") and not value[0]:
            continue
        elif kind == "ints":
            small = max(value[0]) < 256
            yield path, bytes_token(tuple(value[0])) if small else ("ints", tuple(value[0]))
        elif kind == "bytes" and path.endswith("tower_octet_string"):
            yield from tower_leaves(path, bytes.fromhex(value[0]))
        elif kind == "bytes":
            yield path, bytes_token(bytes.fromhex(value[0]))
        elif kind == "text":
            yield path, text_token(value[0])
        elif kind == "counted":
            yield path + "#length", ("int", value[1])
            yield path + "#maximum", ("int", value[2])
            yield path, ("null",) if value[0] is None else text_token(value[0])
        elif kind in ("guid", "sid", "real"):
            yield path, (kind, value[0])
        elif kind == "null":
            yield path, ("null",)
        elif kind in ("handle", "interface"):
            yield path, (kind, value[0])
        elif kind == "missing":
            yield path, ("missing",)
        # "list" and "union" only announce what follows: Samba's bindings show neither.


def join_halves(leaves):
    """OLD_LARGE_INTEGER and the like: two halves here, one number in Samba's IDL."""
    out = []
    for path, token in leaves:
        if path.endswith(".HighPart") and out and out[-1][0] == path[:-8] + "LowPart":
            low = out.pop()[1][1]
            out.append((path[:-9], ("int", token[1] << 32 | low)))
        else:
            out.append((path, token))
    return out


def handle_bytes(stub, token):
    """Our 20 bytes as Samba shows them: attributes and GUID."""
    raw = bytes.fromhex(token[1])
    order = "big" if stub["big"] else "little"
    if stub["big"]:
        guid = raw[4:]
    else:
        guid = raw[7:3:-1] + raw[9:7:-1] + raw[11:9:-1] + raw[12:]
    text = guid.hex()
    parts = (text[:8], text[8:12], text[12:16], text[16:20], text[20:])
    return ("handle", int.from_bytes(raw[:4], order), "-".join(parts))


def same(ours, theirs):
    """Tokens that are the same value in two notations."""
    if ours == theirs:
        return True
    if ours[0] == "text" and theirs[0] == "ints":
        text = ours[1].encode("utf-16-le", "surrogatepass")
        numbers = theirs[1]
        units = tuple(int.from_bytes(text[i:i + 2], "little") for i in range(0, len(text), 2))
        zero = numbers.index(0) if 0 in numbers else len(numbers)
        return numbers[:zero] == units
    return False


def align(ours, theirs):
    """Pairs (ours, theirs), either None where the other has nothing to match."""
    left, right = [token for _, token in ours], [token for _, token in theirs]
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    for kind, a0, a1, b0, b1 in matcher.get_opcodes():
        if kind == "replace" and a1 - a0 == b1 - b0:
            yield from zip(ours[a0:a1], theirs[b0:b1])
        elif kind == "equal":
            yield from zip(ours[a0:a1], theirs[b0:b1])
        else:
            yield from ((leaf, None) for leaf in ours[a0:a1])
            yield from ((None, leaf) for leaf in theirs[b0:b1])


def general(path):
    return re.sub(r"\.\d+(?=\.|$|#)", ".*", path)


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


class Marshal:
    """oracle_values decode: stubs in, values out."""

    def __init__(self, program):
        self.process = subprocess.Popen([program, "decode"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def decode(self, stub, request):
        line = [stub["uuid"], stub["major"], stub["opnum"], stub["half"],
                "ndr64" if stub["ndr64"] else "ndr", "big" if stub["big"] else "little",
                stub["stub"] or "-", request["stub"] if request else "-"]
        self.process.stdin.write(" ".join(map(str, line)) + "\n")
        self.process.stdin.flush()
        return stub | json.loads(self.process.stdout.readline())


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
    ours = [(path, handle_bytes(stub, token) if token[0] == "handle" else token)
            for path, token in join_halves(our_leaves(stub["leaves"]))]
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
    marshal = Marshal(program)
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
