#!/usr/bin/env python3
"""Checks rules/ through `rpcmarshal detect`.

    tests/rules/check.py PROGRAM            # what ctest runs
    tests/rules/check.py PROGRAM --record   # write captures.tsv anew: read its diff before a commit

Beside each rule, in tests/, lie two files of events: in RULE.match.jsonl the rule must find every event
once (a correlation: the whole file once), in RULE.other.jsonl none. Events of ours must be valid by
docs/event.schema.json. bzar.tsv lists BZAR's indicators: each must be found by the rule named there.
captures.tsv says which rules find how many calls in which recorded capture; corpus.tsv the same of attacks that
others recorded, in ../shared/corpus when it is there.
"""
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError:
    jsonschema = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests/rules"
RULES = ROOT / "rules"
CORPUS = ROOT.parent / "shared/corpus"
VALUES = HERE / "values.yml"
LEVELS = ("informational", "low", "medium", "high", "critical")

problems = []


def problem(text):
    problems.append(text)
    print(text, file=sys.stderr)


def detect(program, rules, inputs, *options):
    """Alerts of `rules` on `inputs`. Whatever detect complains about is a problem, too."""
    command = [program, "detect", "--strict", "--warnings", "--no-event", "--no-summary", "--format", "json",
               "--values", str(VALUES), *options]
    for rule in rules:
        command += ["--rules", str(rule)]
    done = subprocess.run(command + [str(i) for i in inputs], capture_output=True, text=True, check=False)
    if done.returncode > 1 or done.stderr.strip():
        problem(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return [json.loads(line) for line in done.stdout.splitlines()]


class Rule:
    """One rule file, as far as this test needs it: the last of its documents is what it is about."""

    def __init__(self, path):
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.name = str(path.relative_to(RULES).with_suffix(""))
        self.id = self.key("id")
        self.is_correlation = bool(re.search(r"^correlation:", self.text, re.M))

    def key(self, key):
        found = re.findall(rf"^{key}:[ \t]*(.*)$", self.text, re.M)
        return found[-1] if found else None

    def items(self, key):
        found = re.search(rf"^{key}:\n((?:  - .*\n)+)", self.text, re.M)
        return [line[4:] for line in found.group(1).splitlines()] if found else []

    def examples(self, kind):
        return self.path.parent / "tests" / f"{self.path.stem}.{kind}.jsonl"


def check_metadata(rules):
    ids = collections.Counter(rule.id for rule in rules)
    titles = collections.Counter(rule.key("title") for rule in rules)
    for rule in rules:
        if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", rule.id or ""):
            problem(f"{rule.name}: no id")
        if ids[rule.id] > 1 or titles[rule.key("title")] > 1:
            problem(f"{rule.name}: another rule has its id or title")
        for key in ("title", "status", "description", "author", "date"):
            if not rule.key(key):
                problem(f"{rule.name}: no {key}")
        if rule.key("level") not in LEVELS:
            problem(f"{rule.name}: no level")
        for key in ("references", "falsepositives"):
            if not rule.items(key):
                problem(f"{rule.name}: no {key}")
        if not any(re.fullmatch(r"attack\.t\d{4}(\.\d{3})?", tag) for tag in rule.items("tags")):
            problem(f"{rule.name}: no ATT&CK technique")
    page = (ROOT / "docs/detection.md").read_text(encoding="utf-8")
    for rule in rules:
        if not re.search(rf"^\| `{rule.path.stem}` \| .* \| {rule.key('level')} \|", page, re.M):
            problem(f"{rule.name}: not in docs/detection.md, or with another level")
    known = {f"{rule.name}.{kind}.jsonl" for rule in rules for kind in ("match", "other")}
    for path in RULES.rglob("*.jsonl"):
        name = str(path.relative_to(RULES)).replace("tests/", "")
        if name not in known:
            problem(f"{path}: no rule of this name")


def check_events(path, validator):
    events = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        event = json.loads(line)
        events.append(event)
        if validator and "sensor" in event:
            for error in validator.iter_errors(event):
                problem(f"{path}:{number}: {'/'.join(map(str, error.absolute_path))}: {error.message}")
    if not events:
        problem(f"{path}: no events")
    return events


def check_examples(program, rule, validator):
    # A correlation needs the rules it counts; those stand in its folder.
    loaded = [rule.path.parent] if rule.is_correlation else [rule.path]
    for kind in ("match", "other"):
        path = rule.examples(kind)
        if not path.exists():
            problem(f"{rule.name}: no {path}")
            continue
        events = check_events(path, validator)
        expected = 0 if kind == "other" else 1 if rule.is_correlation else len(events)
        found = sum(alert["rule"]["id"] == rule.id for alert in detect(program, loaded, [path]))
        if found != expected:
            problem(f"{path}: {found} alerts of '{rule.key('title')}', expected {expected}")


def check_indicators(program):
    """Each endpoint and operation of bzar.tsv, as Zeek logs it, is found by the rule named there."""
    lines = (HERE / "bzar.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    by_rule = collections.defaultdict(list)
    for technique, endpoint, operation, rule in rows:
        by_rule[rule].append((technique, endpoint, operation))
    for name, indicators in by_rule.items():
        rule = RULES / f"{name}.yml"
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as log:
            for number, (_, endpoint, operation) in enumerate(indicators):
                log.write(json.dumps({"_path": "dce_rpc", "ts": 1795273240.0 + number, "uid": "C1",
                                      "id.orig_h": "10.0.0.1", "id.resp_h": "10.0.0.2",
                                      "endpoint": endpoint, "operation": operation}) + "\n")
            log.flush()
            found = collections.Counter(alert["ts"] for alert in detect(program, [rule], [log.name]))
        if len(found) != len(indicators) or set(found.values()) != {1}:
            problem(f"{rule}: {len(found)} of {len(indicators)} indicators found")
        tags = Rule(rule).items("tags")
        for technique, _, _ in indicators:
            if f"attack.{technique.lower()}" not in tags:
                problem(f"{rule}: not tagged {technique}")
    return len(rows)


def check_captures(program, rules, baseline, folder, paths, record):
    """The alerts of all rules on `paths` are those of the table `baseline`: capture, rule, how many."""
    names = {rule.id: rule.name for rule in rules}
    was = baseline.read_text(encoding="utf-8")
    lines = [line for line in was.splitlines() if line.startswith("#")]
    for path in paths:
        found = collections.Counter()
        for alert in detect_capture(program, path):
            found[names.get(alert["rule"]["id"], "?")] += 1
        lines += [f"{path.relative_to(folder)}\t{rule}\t{count}" for rule, count in sorted(found.items())]
    text = "\n".join(lines) + "\n"
    if record:
        baseline.write_text(text, encoding="utf-8")
    elif text != was:
        was, now = set(was.splitlines()), set(text.splitlines())
        problem(f"other alerts than in {baseline.name}\n" +
                "\n".join([f"  - {line}" for line in sorted(was - now)] +
                          [f"  + {line}" for line in sorted(now - was)]))
    return len(paths)


def check_corpus(program, rules, record):
    """Attacks that others recorded, when they are there: the captures named in corpus.tsv."""
    table = HERE / "corpus.tsv"
    lines = [line for line in table.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    paths = [CORPUS / name for name in dict.fromkeys(line.split("\t")[0] for line in lines)]
    if not all(path.exists() for path in paths):
        print(f"{CORPUS} is not there: corpus.tsv is not checked")
        return 0
    return check_captures(program, rules, table, CORPUS, paths, record)


def detect_capture(program, path):
    """As detect(), but a capture may be damaged: that is what some of them are for."""
    command = [program, "detect", "--no-event", "--no-summary", "--format", "json", "--values", str(VALUES),
               "--rules", str(RULES), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode > 1:
        problem(f"{' '.join(command)}: {done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    program, record = sys.argv[1], "--record" in sys.argv[2:]
    validator = None
    if jsonschema:
        schema = json.loads((ROOT / "docs/event.schema.json").read_text(encoding="utf-8"))
        validator = jsonschema.Draft7Validator(schema)
    else:
        print("python3-jsonschema is not there: events are not checked against their schema")
    rules = [Rule(path) for path in sorted(RULES.rglob("*.yml"))]
    check_metadata(rules)
    detect(program, [RULES], [rules[0].examples("other")])  # every rule loads, without a warning
    for rule in rules:
        check_examples(program, rule, validator)
    indicators = check_indicators(program)
    folder = ROOT / "tests/captures"
    captures = check_captures(program, rules, HERE / "captures.tsv", folder, sorted(folder.glob("*.pcap*")), record)
    captures += check_corpus(program, rules, record)
    print(f"{len(rules)} rules, {indicators} indicators of BZAR, {captures} captures: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
