#!/usr/bin/env python3
"""Sums what the tests of one build reported.

usage: count_tests.py JUNIT GTEST_DIR

JUNIT is ctest's --output-junit file: one case per test program. GTEST_DIR holds the XML that
GoogleTest wrote for each program that is one (GTEST_OUTPUT=xml:GTEST_DIR/): one case per TEST.
Prints a line for every failed or skipped test with its reason, and as last line
"PASSED FAILED SKIPPED". A program that failed beyond its own report (crash, leak at exit, timeout)
counts as one more failure.
"""

import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def first_line(text):
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    # GoogleTest writes "file.cc:12" first, then the message.
    lines = [line for line in lines if not line.rsplit(":", 1)[-1].isdigit()] or lines
    return lines[0] if lines else "no reason given"


def count_gtest(path):
    """(passed, failed, skipped) of one program; prints the skipped ones."""
    passed = failed = skipped = 0
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        skip = case.find("skipped")
        if case.find("failure") is not None:
            failed += 1
            print(f"  failed   {name}: {first_line(case.find('failure').get('message'))}")
        elif skip is not None:
            skipped += 1
            print(f"  skipped  {name}: {first_line(skip.get('message') or skip.text)}")
        elif case.get("status") == "run":
            passed += 1
    return passed, failed, skipped


def main():
    junit, gtest_dir = sys.argv[1], pathlib.Path(sys.argv[2])
    totals = [0, 0, 0]
    for case in ElementTree.parse(junit).getroot().iter("testcase"):
        name, status = case.get("name"), case.get("status")
        report = gtest_dir / f"test_{name}.xml"
        if report.exists():
            try:
                counts = count_gtest(report)
            except ElementTree.ParseError:
                counts = (0, 0, 0)
            if status == "fail" and counts[1] == 0:
                print(f"  failed   {name}: ended badly after its tests (see above)")
                counts = (counts[0], 1, counts[2])
        elif status == "run":
            counts = (1, 0, 0)
        elif status == "fail":
            print(f"  failed   {name}: no report (crashed, timed out or is not a GoogleTest)")
            counts = (0, 1, 0)
        else:
            print(f"  skipped  {name}: {first_line(case.findtext('system-out'))}")
            counts = (0, 0, 1)
        totals = [total + count for total, count in zip(totals, counts)]
    print(*totals)


if __name__ == "__main__":
    main()
