"""Checks every event of every capture in a folder against the JSON Schema.

check_schema.py RPCMARSHAL SCHEMA FOLDER...; exit status 77 when python3-jsonschema is absent.
"""
import json
import pathlib
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed")
    sys.exit(77)


def main() -> int:
    program, schema_path, *folders = sys.argv[1:]
    schema = json.loads(pathlib.Path(schema_path).read_text())
    validator = jsonschema.Draft7Validator(schema)
    events = bad = captures = 0
    for folder in folders:
        for capture in sorted(pathlib.Path(folder).glob("*.pcap*")):
            captures += 1
            run = subprocess.run([program, "read", "--format", "json", "--no-summary", str(capture)],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            if run.returncode not in (0, 1):
                print(f"{capture.name}: exit status {run.returncode}: {run.stderr.decode(errors='replace')}")
                bad += 1
            for number, line in enumerate(run.stdout.splitlines(), 1):
                events += 1
                try:
                    event = json.loads(line)
                except ValueError as error:
                    print(f"{capture.name}:{number}: not JSON: {error}")
                    bad += 1
                    continue
                for error in validator.iter_errors(event):
                    bad += 1
                    if bad < 50:
                        where = "/".join(str(part) for part in error.absolute_path)
                        print(f"{capture.name}:{number}: {where}: {error.message[:300]}")
    print(f"{events} events of {captures} captures, {bad} violations")
    return 1 if bad or not events else 0


sys.exit(main())
