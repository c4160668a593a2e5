#!/usr/bin/env python3
"""Correlations against a program that is too simple to be fast: it keeps every match and looks at windows anew.

    tests/oracles/compare_correlations.py PROGRAM [--seed N] [--rounds N] [--verbose]

Random correlations of all types, with groups, aliases, several values of a field, ranges, conditions in words, chains
of correlations and late events; each round is one run of `detect`. What fires must be the same: which correlation,
when, for which group, with which value.
"""
import argparse
import itertools
import json
import pathlib
import random
import subprocess
import sys
import tempfile

TYPES = ("event_count", "value_count", "value_sum", "value_avg", "value_percentile", "value_median", "temporal",
         "temporal_ordered")
OPERATORS = {"gt": lambda a, b: a > b, "gte": lambda a, b: a >= b, "lt": lambda a, b: a < b,
             "lte": lambda a, b: a <= b, "eq": lambda a, b: a == b, "neq": lambda a, b: a != b}
# name: values of field `e` that match
BASE = {"r0": ("a",), "r1": ("b",), "r2": ("c",), "r3": ("a", "b")}


def values_of(event, field):
    value = event.get(field)
    values = value if isinstance(value, list) else [value]
    return [v if isinstance(v, str) else json.dumps(v) for v in values if v is not None]


def quantile(numbers, percent):
    numbers = sorted(numbers)
    rank = percent / 100 * (len(numbers) - 1)
    low = int(rank)
    above = numbers[min(low + 1, len(numbers) - 1)]
    return numbers[low] + (above - numbers[low]) * (rank - low)


class Correlation:
    def __init__(self, name, about):
        self.name, self.about = name, about
        self.type, self.rules, self.span = about["type"], about["rules"], about["span"]
        self.groups = {}  # group -> matches, in order of time: (time, rule, values)
        self.closes = {}  # group -> end of its open window
        bounds = about.get("bounds", {})
        self.at_close = bool(set(bounds) - {"gt", "gte"}) or "not" in about.get("words", "")

    def value(self, matches):
        if self.type == "event_count":
            return len(matches)
        if self.type.startswith("temporal"):
            return len({rule for _, rule, _ in matches})
        if self.type == "value_count":
            return len({v for _, _, v in matches})
        numbers = [v for _, _, v in matches]
        if self.type == "value_sum":
            return sum(numbers)
        if self.type == "value_avg":
            return sum(numbers) / len(numbers)
        return quantile(numbers, 50 if self.type == "value_median" else self.about["percentile"])

    def satisfied(self, matches):
        if self.type == "temporal_ordered":
            return self.in_order(matches)
        if "words" in self.about:
            seen = {self.rules[rule] for _, rule, _ in matches}
            return eval(self.about["words"], {}, {name: name in seen for name in self.rules})
        value = self.value(matches)
        return all(OPERATORS[op](value, bound) for op, bound in self.about["bounds"].items())

    def in_order(self, matches):
        """Some choice of matches, one per rule in the rules' order, all within the time."""
        begins = [i for i, m in enumerate(matches) if m[1] == 0]
        for begin in begins:
            at = begin
            for rule in range(1, len(self.rules)):
                at = next((i for i in range(at + 1, len(matches)) if matches[i][1] == rule), None)
                if at is None or matches[at][0] - matches[begin][0] > self.span:
                    at = None
                    break
            if at is not None:
                return True
        return False

    def add(self, group, time, rule, values):
        """(time, value) when it fires now."""
        if not values:
            return None
        matches = self.groups.setdefault(group, [])
        if self.at_close and group not in self.closes:
            self.closes[group] = time + self.span
        for value in values:
            if matches and matches[-1][0] - time > self.span:
                continue
            place = len(matches)
            while place > 0 and matches[place - 1][0] > time:
                place -= 1
            matches.insert(place, (time, rule, value))
        if not matches or self.at_close:
            return None
        newest = matches[-1][0]
        matches[:] = [m for m in matches if newest - m[0] <= self.span]
        if not self.satisfied(matches):
            return None
        value = self.value(matches) if self.type != "temporal_ordered" else len(self.rules)
        matches.clear()
        return time, value

    def close(self, now):
        """(group, end, value) of windows that have ended, in order."""
        out = []
        for group, end in sorted(self.closes.items(), key=lambda item: item[1]):
            if now is not None and end >= now:
                continue
            matches = self.groups.pop(group, [])
            del self.closes[group]
            if self.satisfied(matches):
                out.append((group, end, self.value(matches)))
        return out


class Model:
    def __init__(self, correlations):
        self.all = [Correlation(name, about) for name, about in correlations.items()]
        self.fired = []

    def feed(self, name, time, fields):
        """Something called `name` happened; `fields` gives the values of one of its fields."""
        for c in self.all:
            if name not in c.rules:
                continue
            rule = c.rules.index(name)
            aliases = c.about.get("aliases", {})
            values = [None]
            if "fields" in c.about:
                found = [fields(field) for field in c.about["fields"]]
                if not all(found):
                    continue
                values = found[0] if len(found) == 1 else [tuple(f[0] for f in found)]
                if c.type != "value_count":
                    values = [float(v) for v in values if is_number(v)]
            names = [aliases.get(g, {}).get(name, g) for g in c.about["group"]]
            for group in itertools.product(*(fields(n) for n in names)):
                result = c.add(group, time, rule, values)
                if result:
                    self.fire(c, group, *result)

    def fire(self, c, group, time, value):
        by_name = dict(zip(c.about["group"], group))
        self.fired.append((c.name, round(time, 3), tuple(sorted(by_name.items())), round(value, 6)))
        self.feed(c.name, time, lambda field: [by_name[field]] if field in by_name else [])

    def close(self, now):
        for c in self.all:
            for group, end, value in c.close(now):
                self.fire(c, group, end, value)

    def run(self, events):
        now = 0
        for event in events:
            names = [name for name, wanted in BASE.items() if event["e"] in wanted]
            now = max(now, event["ts"])
            self.close(now)
            for name in names:
                self.feed(name, event["ts"], lambda field: values_of(event, field))
        self.close(None)
        return self.fired


def is_number(value):
    try:
        float(value)
        return True
    except ValueError:
        return False


def random_correlation(r, level):
    kind = r.choice(TYPES)
    about = {"type": kind, "span": r.choice((2, 5, 10, 30)), "group": r.choice(([], ["u"], ["h"], ["u", "h"], ["who"]))}
    known = list(BASE) + (["c0"] if level == 1 else [])
    if kind.startswith("temporal"):
        about["rules"] = r.sample(known, r.randint(2, min(3, len(known))))
    else:
        about["rules"] = r.sample(known, r.choice((1, 1, 2)))
    if level == 1 and "c0" not in about["rules"]:
        about["rules"][0] = "c0"
    if about["group"] == ["who"]:
        about["aliases"] = {"who": {rule: r.choice(("u", "h")) for rule in about["rules"]}}
    if kind.startswith("value"):
        about["fields"] = [r.choice(("v", "u"))] if kind == "value_count" else ["v"]
        if kind == "value_count" and r.random() < 0.3:
            about["fields"] = ["v", "u"]
    if kind == "value_percentile":
        about["percentile"] = r.choice((0, 25, 90, 99.5, 100))
    if kind == "temporal":
        a, b, *c = about["rules"]
        words = r.choice((None, f"{a} and {b}", f"{a} or {b}", f"{a} and not {b}", f"({a} or {b}) and not {b}",
                          f"{a} and {b}" + (f" and {c[0]}" if c else "")))
        if words and all(rule in words.replace("(", " ").replace(")", " ").split() for rule in about["rules"]):
            about["words"] = words
        else:
            about["bounds"] = {"gte": len(about["rules"])}
    elif kind == "temporal_ordered":
        about["bounds"] = {"gte": len(about["rules"])}
    else:
        least = r.choice((1, 2, 3, 4)) if kind in ("event_count", "value_count") else r.choice((1, 3.5, 6, 10))
        about["bounds"] = r.choice(({"gte": least}, {"gte": least}, {"gt": least}, {"lt": least + 2}, {"lte": least},
                                    {"eq": least}, {"neq": least}, {"gte": least, "lt": least + 3}))
    return about


def yaml_of(correlations):
    documents = []
    for number, (name, wanted) in enumerate(BASE.items()):
        documents.append({"title": name, "name": name, "id": f"00000000-0000-4000-8000-{number:012d}",
                          "logsource": {"product": "test"}, "detection": {"s": {"e": list(wanted)}, "condition": "s"}})
    for name, about in correlations.items():
        inner = {"type": about["type"], "rules": about["rules"], "timespan": f"{about['span']}s"}
        if about["group"]:
            inner["group-by"] = about["group"]
        if "aliases" in about:
            inner["aliases"] = about["aliases"]
        condition = dict(about.get("bounds", {}))
        if "fields" in about:
            condition["field"] = about["fields"][0] if len(about["fields"]) == 1 else about["fields"]
        if "percentile" in about:
            condition["percentile"] = about["percentile"]
        if "words" in about:
            inner["condition"] = about["words"]
        elif not about["type"].startswith("temporal"):
            inner["condition"] = condition
        inner["generate"] = True
        documents.append({"title": name, "name": name, "correlation": inner})
    return "\n---\n".join(json.dumps(document) for document in documents) + "\n"


def random_events(r, count):
    time, out = 1795273200, []
    for _ in range(count):
        time += r.choice((0, 0, 1, 1, 2, 3, 8))
        event = {"ts": time - (r.choice((1, 2, 4, 15)) if r.random() < 0.1 else 0), "e": r.choice("aaabbbcd")}
        for field, values in (("u", ("x", "y", "z", ["x", "y"])), ("h", ("1", "2")),
                              ("v", (1, 2.5, 4, -3, "3", "text", [1, 2], 0))):
            if r.random() < 0.85:
                event[field] = r.choice(values)
        out.append(event)
    return out


def detect(program, correlations, events, folder):
    (folder / "rules.yml").write_text(yaml_of(correlations), encoding="utf-8")
    (folder / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events), encoding="utf-8")
    done = subprocess.run([program, "detect", "--rules", folder / "rules.yml", "--logsource", "product=test", "--no-event",
                           "--format", "json", "--no-summary", folder / "events.jsonl"], capture_output=True, text=True,
                          check=False)
    if done.returncode or done.stderr:
        sys.exit(f"detect: {done.returncode} {done.stderr}\n{yaml_of(correlations)}")
    out = []
    for line in done.stdout.splitlines():
        alert = json.loads(line)
        if "correlation" not in alert:
            continue
        minutes, seconds = alert["ts"][14:-1].split(":")  # all within an hour
        time = 1795273200 + int(alert["ts"][11:13]) * 3600 - 15 * 3600 + int(minutes) * 60 + float(seconds)
        c = alert["correlation"]
        out.append((alert["rule"]["title"], round(time, 3), tuple(sorted(c.get("group", {}).items())),
                    round(c["value"], 6)))
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=150)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    fired = wrong = 0
    for seed in range(options.seed, options.seed + options.rounds):
        r = random.Random(seed)
        correlations = {"c0": random_correlation(r, 0)}
        correlations["c1"] = random_correlation(r, r.choice((0, 1)))
        events = random_events(r, 60)
        expected = sorted(Model(correlations).run(events))
        with tempfile.TemporaryDirectory() as folder:
            found = sorted(detect(options.program, correlations, events, pathlib.Path(folder)))
        fired += len(expected)
        if expected == found:
            continue
        wrong += 1
        if wrong <= (1000 if options.verbose else 3):
            print(f"seed {seed}\n{yaml_of(correlations)}only expected: {[e for e in expected if e not in found]}\n"
                  f"only found: {[f for f in found if f not in expected]}")
            if options.verbose:
                print("\n".join(map(json.dumps, events)))
    print(f"{options.rounds} rounds, {fired} times something fired: {wrong} rounds differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
