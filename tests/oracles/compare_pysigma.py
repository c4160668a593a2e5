#!/usr/bin/env python3
"""Sigma rules as pySigma reads them, against ours.

    tests/oracles/compare_pysigma.py PROGRAM [--seed N] [--rules N] [--events N] [--verbose]
    tests/oracles/compare_pysigma.py PROGRAM --corpus DIR     # which of these files' rules are refused
    tests/oracles/compare_pysigma.py PROGRAM --shapes DIR    # pipelines/*.yml on some of these rules
    tests/oracles/compare_pysigma.py PROGRAM --record         # writes sigma_vectors.jsonl anew

Random rules (sigma_rules.py) are read by pySigma and evaluated by sigma_model.py, and run by `detect`: both must
refuse the same rules and find the same events. Where we differ on purpose, DIFFERENCES says so. What is recorded in
sigma_vectors.jsonl is compared without pySigma (pip install pysigma), too.
"""
import argparse
import collections
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import sigma_rules

try:
    import sigma.conditions
    import sigma.exceptions
    import sigma.types
    import sigma_model
    from sigma.collection import SigmaCollection
    from sigma.processing.pipeline import ProcessingPipeline
except ImportError:
    SigmaCollection = None

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE / "sigma_vectors.jsonl"

# What is meant: which side refuses (or that matches differ), what the rule has, what is said, why.
DIFFERENCES = (
    ("ours", "base64", "a placeholder cannot be base64", "pySigma encodes the placeholder's name"),
    ("ours", "base64offset", "too short", "pySigma looks for an empty text, which is everywhere"),
    ("ours", "exists", "single true or false", "true and false is always"),
    ("ours", "expand.windash", "has no values", "pySigma forgets placeholders behind windash, here: where nothing is used"),
    ("pysigma", "expand.windash", "placeholder", "pySigma forgets placeholders behind windash"),
    ("ours", r"(minute|hour|day|week|month|year)\|", "needs a whole number", "a part of a part of a time"),
    ("pysigma", r"\|re", "SigmaRegularExpressionError", "what no condition uses is not compiled here"),
    ("pysigma", r"utf16\|(all\|)?(utf16|wide)", "modifier only allowed", "wide text made wide again"),
    ("matches", r"expand\|startswith\|cased", "", "pySigma forgets 'cased' where it puts values in"),
    ("pysigma", r"\|re", "global flags not at the start", "Python's expressions, with which the oracle matches"),
)
# The same where pipelines are applied.
PIPELINE_DIFFERENCES = DIFFERENCES + (
    ("matches", "windash|base64offset", "", "pySigma does not look into what these modifiers made of a value"),
    ("ours", "windash|base64offset", "the pipeline wants a number|no hash|^no ", "the same"),
    ("matches", "(?s)add_condition.* of _", "", "pySigma's added selection has a name like _cond"),
    ("ours", "exists", "does not go with other", "'all' has no meaning there"),
    ("pysigma", "windash|base64offset", "can't be converted", "pySigma converts only what they made of a value"),
    ("matches", r"(?s)replace_string.*(\|(minute|hour|day|week|month|year)\b|[\[ :]-?\d)", "",
     "pySigma makes texts of numbers and of parts of times, replaced or not"),
    ("matches", "(?s)extract_fields.*neq", "", "pySigma forgets neq"),
    ("ours", "drop_detection_item", "takes everything out", "pySigma's rule would match anything"),
    ("ours", "add_condition", "the condition is empty", "pySigma makes a condition of nothing and the added"),
    ("pysigma", "", "^TypeError", "pySigma fails where a pipeline took everything out of a selection"),
)


def run(program, rules, events, folder, pipeline=None):
    """Refusals by rule index, and event indices by rule index."""
    for index, text in rules.items():
        (folder / f"{index}.yml").write_text(text, encoding="utf-8")
    log, values = folder / "events.jsonl", folder / "values.yaml.txt"
    log.write_text("".join(json.dumps(e, ensure_ascii=False) + "\n" for e in events), encoding="utf-8")
    values.write_text(json.dumps(sigma_rules.VALUES), encoding="utf-8")
    options = []
    if pipeline:
        (folder / "pipeline.txt").write_text(pipeline, encoding="utf-8")
        options = ["--pipeline", folder / "pipeline.txt"]
    done = subprocess.run([program, "detect", "--rules", folder, "--values", values, *options, "--format", "json", "--no-summary", log], capture_output=True, text=True, check=False,
                          encoding="utf-8")
    if done.returncode not in (0, 2):
        sys.exit(f"detect: status {done.returncode}: {done.stderr}")
    if done.returncode == 2 and re.search(r"pipeline\.txt:\d+:\d+: error", done.stderr):
        return done.stderr, {}
    refused = {}
    for line in done.stderr.splitlines():
        found = re.match(r".*/(\d+)\.yml:\d+:\d+: error: (.*)", line)
        if found:
            refused.setdefault(int(found.group(1)), found.group(2))
    found = collections.defaultdict(list)
    for line in done.stdout.splitlines():
        alert = json.loads(line)
        found[int(alert["rule"]["id"][-12:])].append(int(alert["event"]["id"].strip("~")))
    return refused, found


def oracle(text, events, pipeline=None):
    """pySigma's refusal, or the indices of events that match."""
    try:
        rule = SigmaCollection.from_yaml(text).rules[0]
        if pipeline:
            pipeline.apply(rule)
        rule = sigma_model.prepared(rule, sigma_rules.VALUES)
        for condition in rule.detection.parsed_condition:
            condition.parsed
        return None, [i for i, event in enumerate(events) if sigma_model.matches(rule, event)]
    except (sigma_model.Unresolved, re.error, sigma.exceptions.SigmaError, NotImplementedError, TypeError, AttributeError, IndexError) as error:
        return f"{type(error).__name__}: {error}", None


def explained(text, side, message, differences=DIFFERENCES):
    for who, pattern, words, _ in differences:
        if who == side and re.search(pattern, text) and re.search(words, message):
            return True
    return False


def compare(program, seed, count, event_count, verbose):
    """Number of differences, [(rule, indices of events)], events."""
    r = random.Random(seed)
    rules = {i: sigma_rules.rule(r, i) for i in range(1, count + 1)}
    events = [sigma_rules.event(r, i) for i in range(event_count)]
    with tempfile.TemporaryDirectory() as folder:
        refused, found = run(program, rules, events, pathlib.Path(folder))
    problems, both, hits, meant, agreed = [], 0, 0, 0, []
    for index, text in rules.items():
        error, matches = oracle(text, events)
        ours = refused.get(index)
        if error and ours:
            both += 1
        elif error or ours:
            side, message = ("pysigma", error) if error else ("ours", ours)
            if explained(text, side, message):
                meant += 1
            else:
                problems.append(f"only {side} refuses: {message}\n{text}")
        elif matches != sorted(found[index]) and explained(text, "matches", ""):
            meant += 1
        elif matches != sorted(found[index]):
            wrong = sorted(set(matches) ^ set(found[index]))
            side = "pySigma" if wrong[0] in matches else "ours"
            problems.append(f"event {wrong[0]} matches by {side} only: "
                            f"{json.dumps(events[wrong[0]], ensure_ascii=False)}\n{text}")
        else:
            hits += len(matches)
            agreed.append((text, matches))
    print("\n".join(problems if verbose else problems[:5]))
    print(f"seed {seed}: {count} rules on {event_count} events: {hits} matches are the same, {both} rules refused by "
          f"both, {meant} by one for a reason, {len(problems)} differences")
    return len(problems), agreed, events


def compare_pipelines(program, seed, rounds, verbose):
    """Random pipelines, each on some rules. Number of differences."""
    problems, hits, refused_pipelines, refusals = [], 0, 0, 0
    for number in range(seed, seed + rounds):
        r = random.Random(number)
        text = sigma_rules.pipeline(r)
        rules = {i: sigma_rules.rule(r, i) for i in range(1, 13)}
        events = [sigma_rules.event(r, i) for i in range(40)]
        with tempfile.TemporaryDirectory() as folder:
            refused, found = run(program, rules, events, pathlib.Path(folder), text)
        try:
            ProcessingPipeline.from_yaml(text)
            error = None
        except (sigma.exceptions.SigmaError, TypeError) as e:
            error = f"{type(e).__name__}: {e}"
        if error or isinstance(refused, str):
            refused_pipelines += 1
            if (error is None) == isinstance(refused, str):
                problems.append(f"only {'pySigma' if error else 'ours'} refuses: {error or refused}\n{text}")
            continue
        for index, rule in rules.items():
            pipeline = ProcessingPipeline.from_yaml(text)
            pipeline.vars = {name: list(texts) for name, texts in sigma_rules.VALUES.items()}
            error, matches = oracle(rule, events, pipeline)
            if error or index in refused:
                refusals += 1
                side, message = ("pysigma", error) if error else ("ours", refused[index])
                if (error is None) != (index not in refused) and not explained(text + rule, side, message, PIPELINE_DIFFERENCES):
                    problems.append(f"seed {number}: only {side} refuses: {message}\n{text}{rule}")
            elif matches != sorted(found[index]) and not explained(text + rule, "matches", "", PIPELINE_DIFFERENCES):
                wrong = sorted(set(matches) ^ set(found[index]))
                side = "pySigma" if wrong[0] in matches else "ours"
                problems.append(f"seed {number}: event {wrong[0]} matches by {side} only: "
                                f"{json.dumps(events[wrong[0]], ensure_ascii=False)}\n{text}{rule}")
            else:
                hits += len(matches)
    print("\n".join(problems if verbose else problems[:5]))
    print(f"{rounds} pipelines, {refused_pipelines} refused by both: {hits} matches are the same, {refusals} rules "
          f"refused, {len(problems)} differences")
    return len(problems)


def concrete(value, r):
    """A value that this item of a rule looks for, or none that is easily said."""
    if isinstance(value, sigma.types.SigmaString):
        return "".join(part if isinstance(part, str) else "" if part == sigma.types.SpecialChars.WILDCARD_MULTI
                       else r.choice("xy") if part == sigma.types.SpecialChars.WILDCARD_SINGLE else "" for part in value.s)
    return value.number if isinstance(value, sigma.types.SigmaNumber) else value.boolean if isinstance(
        value, sigma.types.SigmaBool) else None


def fill(node, event, r):
    """Makes `event` one that the condition `node` is likely to match."""
    if isinstance(node, sigma.conditions.ConditionOR):
        if node.args:
            fill(r.choice(node.args), event, r)
    elif isinstance(node, sigma.conditions.ConditionNOT):
        if r.random() < .3:
            fill(node.args[0], event, r)
    elif isinstance(node, sigma.conditions.ConditionAND):
        for one in node.args:
            fill(one, event, r)
    elif isinstance(node, sigma.conditions.ConditionFieldEqualsValueExpression):
        value = concrete(node.value, r)
        if value is not None:
            before = event.get(node.field)
            event[node.field] = before + value if isinstance(before, str) and isinstance(value, str) and r.random() < .8 else value


def compare_shapes(program, folder, count, seed, verbose):
    """The pipelines in pipelines/ on real rules: events that the rules, changed by pySigma, look for. Number of differences."""
    files = sorted(pathlib.Path(folder).rglob("*.yml"))
    problems, hits, refusals = [], 0, 0
    for shape in sorted((HERE / "pipelines").glob("*.yml")):
        text, r = shape.read_text(encoding="utf-8"), random.Random(seed)
        rules, events = {}, []
        for index, path in enumerate(sorted(r.sample(files, min(count, len(files)))), 1):
            rule = re.sub(r"(?m)^id:.*$", f"id: 00000000-0000-4000-8000-{index:012d}", path.read_text(encoding="utf-8"))
            rules[index] = rule
            try:
                changed = SigmaCollection.from_yaml(rule).rules[0]
                ProcessingPipeline.from_yaml(text).apply(changed)
                for _ in range(2):
                    event = {}
                    for condition in changed.detection.parsed_condition:
                        fill(condition.parsed, event, r)
                    events.append({**event, "id": f"~{len(events)}~"})
            except (sigma.exceptions.SigmaError, TypeError):
                pass
        with tempfile.TemporaryDirectory() as there:
            refused, found = run(program, rules, events, pathlib.Path(there), text)
        if isinstance(refused, str):
            problems.append(f"{shape.name}: {refused}")
            continue
        for index, rule in rules.items():
            error, matches = oracle(rule, events, ProcessingPipeline.from_yaml(text))
            title = re.search(r"(?m)^title:.*$", rule).group(0)
            if error or index in refused:
                refusals += 1
                if (error is None) != (index not in refused) and not explained(
                        text + rule, "pysigma" if error else "ours", error or refused[index], PIPELINE_DIFFERENCES):
                    problems.append(f"{shape.name}: {title}: only {'pySigma' if error else 'ours'} refuses: "
                                    f"{error or refused[index]}")
            elif matches != sorted(found[index]):
                wrong = sorted(set(matches) ^ set(found[index]))[0]
                problems.append(f"{shape.name}: {title}: event {wrong} matches by {'pySigma' if wrong in matches else 'ours'} "
                                f"only: {json.dumps(events[wrong], ensure_ascii=False)[:400]}")
            hits += len(set(matches or ()) & set(found[index]))
    print("\n".join(problems if verbose else problems[:8]))
    print(f"{len(list((HERE / 'pipelines').glob('*.yml')))} pipelines, {count} rules: {hits} matches are the same, {refusals} rules "
          f"refused, {len(problems)} differences")
    return len(problems)


def record(agreed, events):
    """Rules that match some of the events and not all."""
    kept = [(text, matches) for text, matches in agreed if 0 < len(matches) < len(events)]
    with VECTORS.open("w", encoding="utf-8") as out:
        out.write(json.dumps({"events": events}, ensure_ascii=False) + "\n")
        for text, matches in kept:
            detection = text[text.index("detection:"):]
            out.write(json.dumps({"rule": detection, "matches": matches}, ensure_ascii=False) + "\n")


def replay(program):
    """What is recorded, without pySigma. The number of differences."""
    head, *lines = map(json.loads, VECTORS.read_text(encoding="utf-8").splitlines())
    rules = {i: f"title: Rule {i}\nid: 00000000-0000-4000-8000-{i:012d}\nlogsource: {{product: test}}\n" + line["rule"]
             for i, line in enumerate(lines, 1)}
    with tempfile.TemporaryDirectory() as folder:
        refused, found = run(program, rules, head["events"], pathlib.Path(folder))
    wrong = [i for i, line in enumerate(lines, 1) if i in refused or sorted(found[i]) != line["matches"]]
    for i in wrong:
        print(f"recorded otherwise: {rules[i]}{refused.get(i, sorted(found[i]))} instead of {lines[i - 1]['matches']}")
    print(f"{len(lines)} recorded rules on {len(head['events'])} events: {len(wrong)} differences")
    return len(wrong)


def compare_corpus(program, folder):
    """Files of which only one side refuses a rule."""
    empty = pathlib.Path("/dev/null")
    done = subprocess.run([program, "detect", "--rules", folder, "--no-summary", empty], capture_output=True, text=True,
                          check=False)
    ours = {line.split(":")[0] for line in done.stderr.splitlines() if ": error: " in line}
    # Placeholders are resolved later in pySigma, and have no values here.
    ours -= {line.split(":")[0] for line in done.stderr.splitlines() if "the placeholder %" in line}
    theirs, count = set(), 0
    for path in sorted(pathlib.Path(folder).rglob("*.yml")):
        count += 1
        try:
            for rule in SigmaCollection.from_yaml(path.read_text(encoding="utf-8")).rules:
                for condition in getattr(getattr(rule, "detection", None), "parsed_condition", ()):
                    condition.parsed
        except sigma.exceptions.SigmaError:
            theirs.add(str(path))
    for path in sorted(ours ^ theirs):
        print(f"refused only {'here' if path in ours else 'by pySigma'}: {path}")
    print(f"{count} files: {len(ours & theirs)} refused by both, {len(ours ^ theirs)} by one")
    return len(ours ^ theirs)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rules", type=int, default=600)
    parser.add_argument("--events", type=int, default=80)
    parser.add_argument("--corpus")
    parser.add_argument("--shapes")
    parser.add_argument("--pipelines", type=int, default=40)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    problems = replay(options.program) if VECTORS.exists() and not options.record else 0
    if SigmaCollection is None:
        print("pySigma is not there (pip install pysigma): only what was recorded of it is compared")
        return 1 if problems else 0
    if options.corpus:
        return 1 if compare_corpus(options.program, options.corpus) else 0
    if options.shapes:
        return 1 if compare_shapes(options.program, options.shapes, options.rules, options.seed, options.verbose) else 0
    wrong, agreed, events = compare(options.program, options.seed, options.rules, options.events, options.verbose)
    wrong += compare_pipelines(options.program, options.seed, options.pipelines, options.verbose)
    if options.record and not wrong:
        record(agreed, events)
    return 1 if problems + wrong else 0


if __name__ == "__main__":
    sys.exit(main())
