"""The text users see: `read` on the demonstration's capture against its baseline, and the README's
excerpt against the same.

check_text.py RPCMARSHAL SOURCE_FOLDER     compare
RPCM_RECORD=1 check_text.py ...            record the baseline anew (the README stays as it is)
"""
import difflib
import os
import pathlib
import re
import subprocess
import sys


def main() -> int:
    program, root = sys.argv[1], pathlib.Path(sys.argv[2])
    run = subprocess.run(
        [program, "read", "--format", "text", "--colour", "never", root / "tests/captures/demo.pcap"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    text = run.stdout.decode()
    bad = 0
    if run.returncode != 0 or run.stderr.decode().strip() == "":
        print(f"exit status {run.returncode}, summary: {run.stderr.decode()!r}")
        bad += 1
    baseline = root / "tests/baselines/demo.txt"
    if os.environ.get("RPCM_RECORD"):
        baseline.write_text(text)
    expected = baseline.read_text()
    if text != expected:
        bad += 1
        sys.stdout.writelines(difflib.unified_diff(
            expected.splitlines(True), text.splitlines(True), "baseline", "now"))
    excerpt = re.search(r"<!-- from ./demo -->\n(.*?)<!-- end -->", (root / "README.md").read_text(), re.S)
    calls = [part for part in re.split(r"\n\s*\n", excerpt.group(1)) if part.strip()] if excerpt else []
    if len(calls) < 2:
        print("README.md has no excerpt between <!-- from ./demo --> and <!-- end -->")
        bad += 1
    events = {part.strip() for part in text.split("\n\n")}
    for call in calls:
        plain = "\n".join(line.removeprefix("    ") for line in call.strip("\n").splitlines())
        if plain.strip() not in events:
            print(f"the README shows what ./demo does not print:\n{plain}")
            bad += 1
    return 1 if bad else 0


sys.exit(main())
