"""Random Sigma rules, and events that they have a chance to match."""
import base64
import json

FIELDS = ("cmd", "path", "user", "n", "addr", "when", "a.b", "list", "flag")
WORDS = ("whoami", "cmd.exe", "C:\\Windows\\x", "\\\\srv\\IPC$", "a*b", "who?", "back\\", "-enc", "/enc", "x-y", "–enc",
         "Straße", "ÄÖ é", "foo bar", "100%", "%user%", "a\\*b", "tab\tnew\nline", "", "(x|y)+", "[a].b", "true", "5",
         "-5", "007", "5.5", "{}", "ADMIN")
NUMBERS = (0, 5, -5, 7, 5.5, 4624, 100)
ADDRESSES = ("10.1.2.3", "10.255.0.1", "192.168.1.77", "fe80::1", "2001:db8::5", "::1", "no address")
NETWORKS = ("10.0.0.0/8", "192.168.1.64/26", "fe80::/10", "2001:db8::/32", "0.0.0.0/0", "10.1.2.3/32", "10.1.2.3",
            "10.0.0.1/8", "10.0.0/8", "nonsense")
TIMES = ("2026-11-21T15:04:05Z", "2024-12-30T00:59:00Z", "2021-01-03T23:00:59.5Z", "2026-02-28 07:30:00", "no time")
REGEXES = ("who.mi", "^C:\\\\", "enc$", "a|b", "(?i)ADMIN", "[0-9]+", "x(?=y)", "\\bfoo\\b", "(", "line$", "new.line",
           "^new", "\\.exe", "[^a-z]", "ad{1}min", "a\\*b", "%word%", ".*", "")
VALUES = {"word": ["whoami", "en*", "C:\\Windows\\x"], "one": ["foo"]}
EXPANDED = ("%word%", "x%one%y", "%word%%one%", "%none%", "100%", "%%", "\\%one%", "%a b%")

CHAINS = (
    "", "", "", "contains", "contains", "startswith", "endswith", "contains|all", "startswith|all", "cased",
    "contains|cased", "cased|endswith", "windash", "windash|contains", "contains|windash", "windash|contains|all",
    "re", "re", "re|i", "re|m", "re|s", "re|i|s", "re|ignorecase", "re|dotall|multiline", "re|contains",
    "re|startswith", "re|endswith", "re|all", "base64", "base64|contains", "base64offset|contains", "base64offset",
    "wide|base64offset|contains", "utf16|base64offset|contains", "utf16be|base64offset|contains",
    "utf16|base64|contains", "wide|base64", "wide", "utf16", "utf16be|contains", "windash|base64offset|contains",
    "neq", "contains|neq", "contains|all|neq", "re|neq", "cidr|neq", "fieldref|neq", "exists", "cidr", "cidr|all",
    "fieldref", "fieldref|contains", "fieldref|startswith", "fieldref|endswith", "lt", "lte", "gt", "gte", "gt|all",
    "lt|neq", "minute", "hour", "day", "week", "month", "year", "hour|gte", "year|lt", "minute|neq", "expand",
    "contains|expand", "expand|contains", "expand|startswith|cased", "re|expand", "expand|windash|contains",
    "expand|base64", "all",
)
MODIFIERS = sorted({m for chain in CHAINS for m in chain.split("|") if m} | {"nonsense"})


def quote(value):
    """A YAML scalar that is this very value."""
    if value is None or isinstance(value, (bool, int, float)):
        return json.dumps(value)
    return json.dumps(value, ensure_ascii=False)


def variation(r, word):
    """`word` as rules write it: a part of it, with wildcards, escapes, other case."""
    text = word
    if text and r.random() < 0.4:
        start = r.randrange(len(text))
        text = text[start:start + r.randint(1, len(text))]
    if r.random() < 0.3:
        text = text.swapcase()
    for _ in range(r.choice((0, 0, 1, 2))):
        at = r.randint(0, len(text))
        text = text[:at] + r.choice(("*", "?", "\\*", "\\\\*", "\\\\\\*", "\\\\", "\\", "\\?", "**")) + text[at:]
    return text


def value_for(r, chain):
    kinds = chain.split("|")
    if "re" in kinds:
        return r.choice(REGEXES)
    if "cidr" in kinds:
        return r.choice(NETWORKS)
    if "exists" in kinds:
        return r.choice((True, False, True, "true"))
    if "fieldref" in kinds:
        return r.choice(("cmd", "user", "n", "a.b", "list", "missing"))
    if any(k in kinds for k in ("minute", "hour", "day", "week", "month", "year")):
        return r.choice((0, 4, 7, 15, 21, 23, 28, 30, 47, 53, 59, 2026, 2024, 12, 11, "15"))
    if any(k in kinds for k in ("lt", "lte", "gt", "gte")):
        return r.choice(NUMBERS + ("5",))
    if "expand" in kinds:
        return r.choice(EXPANDED)
    if r.random() < 0.12 and not kinds[0]:
        return r.choice(NUMBERS + (None, True, False))
    if any(k.startswith("base64") or k in ("wide", "utf16", "utf16be") for k in kinds):
        return r.choice(("whoami", "cmd.exe", "ab", "foo bar", "x", "who*", "-enc"))
    return variation(r, r.choice(WORDS))


def field_for(r, chain):
    for kind, field in (("cidr", "addr"), ("fieldref", "path")):
        if kind in chain:
            return field
    if any(k in chain.split("|") for k in ("minute", "hour", "day", "week", "month", "year")):
        return "when"
    if any(k in chain.split("|") for k in ("lt", "lte", "gt", "gte")):
        return "n"
    return r.choice(FIELDS)


def random_chain(r):
    if r.random() < 0.04:
        return "|".join(r.choice(MODIFIERS) for _ in range(r.randint(1, 3)))
    return r.choice(CHAINS)


def selection(r, depth=0):
    """One selection as YAML in flow style."""
    kind = r.random()
    if kind < 0.12:
        return "[" + ", ".join(quote(keyword(r)) for _ in range(r.randint(1, 3))) + "]"
    if kind < 0.15:
        return quote(keyword(r))
    if kind < 0.2:
        return "{'|all': [" + ", ".join(quote(keyword(r)) for _ in range(r.randint(1, 3))) + "]}"
    if kind < 0.35 and depth == 0:
        return "[" + ", ".join(selection_map(r) for _ in range(r.randint(1, 3))) + "]"
    return selection_map(r)


def keyword(r):
    return r.choice(NUMBERS[:4]) if r.random() < 0.1 else variation(r, r.choice(WORDS[:12])) or "x"


def selection_map(r):
    items = {}
    for _ in range(r.choice((1, 1, 1, 2, 3))):
        chain = random_chain(r)
        key = field_for(r, chain) + ("|" + chain if chain else "")
        count = r.choice((1, 1, 2, 3)) if "all" not in chain else r.choice((1, 2, 2, 3))
        values = [quote(value_for(r, chain)) for _ in range(count)]
        items[key] = values[0] if len(values) == 1 else "[" + ", ".join(values) + "]"
    return "{" + ", ".join(f"{quote(key)}: {value}" for key, value in items.items()) + "}"


def condition(r, names, depth=0):
    kind = r.random()
    if kind < 0.35 or depth > 3:
        return r.choice(names)
    if kind < 0.5:
        known = [p for p, start in (("sel_*", "sel_"), ("s*_*", "sel_"), ("f*", "filter"), ("_*", "_"), ("*a*", "notable"))
                 if any(name.startswith(start) for name in names)] or ["none_*"]
        known += ["them"] if any(not name.startswith("_") for name in names) else []
        return f"{r.choice(('1', 'any', 'all'))} of {r.choice(known)}"
    if kind < 0.62:
        return "not " + condition(r, names, depth + 1)
    if kind < 0.75:
        return "(" + condition(r, names, depth + 1) + ")"
    if kind < 0.76 and depth == 0:
        return r.choice(("", "and", "unknown", "1 of", "not", "sel_a sel_b", "(sel_a", "2 of them", "sel_a | count()"))
    return f"{condition(r, names, depth + 1)} {r.choice(('and', 'or'))} {condition(r, names, depth + 1)}"


def rule(r, index):
    names = r.sample(("sel_a", "sel_b", "filter_a", "_hidden", "notable"), r.randint(1, 4))
    lines = [f"title: Rule {index}", f"id: 00000000-0000-4000-8000-{index:012d}", "status: test", "level: low",
             "logsource: {product: test}", "detection:"]
    lines += [f"  {name}: {selection(r)}" for name in names]
    conditions = [condition(r, names) for _ in range(r.choice((1, 1, 1, 1, 2)))]
    lines.append(f"  condition: {quote(conditions[0])}" if len(conditions) == 1 else
                 "  condition: [" + ", ".join(quote(c) for c in conditions) + "]")
    return "\n".join(lines) + "\n"


def plain_value(r):
    kind = r.random()
    word = r.choice(WORDS)
    if kind < 0.15:
        inner = r.choice(("whoami", "cmd.exe", "ab", "foo bar", "x", "-enc"))
        coding = r.choice(("utf-8", "utf-16le", "utf-16be", "utf-16"))
        data = b"z" * r.randint(0, 3) + inner.encode(coding) + b"y" * r.randint(0, 2)
        return r.choice(("", "run ")) + base64.b64encode(data).decode() if r.random() < 0.8 else inner + "\0"
    if kind < 0.25:
        return r.choice(NUMBERS)
    if kind < 0.3:
        return "".join(c + "\0" for c in r.choice(("whoami", "ab", "x")))
    if kind < 0.55:
        return r.choice(WORDS) + r.choice(("", " ", "\\")) + word
    return word.swapcase() if kind < 0.65 else word


def event(r, index):
    out = {"id": f"~{index}~"}
    for field in ("cmd", "path", "user", "flag"):
        if r.random() < 0.75:
            out[field] = None if r.random() < 0.06 else plain_value(r)
    if "path" in out and "cmd" in out and r.random() < 0.3:
        out["path"] = r.choice(("", "pre ")) + str(out["cmd"]) + r.choice(("", " post"))
    if r.random() < 0.7:
        out["n"] = r.choice(NUMBERS + ("5", "7", "x", "", True))
    if r.random() < 0.7:
        out["addr"] = r.choice(ADDRESSES)
    if r.random() < 0.7:
        out["when"] = r.choice(TIMES)
    if r.random() < 0.5:
        out["a"] = {"b": plain_value(r), "c": {"d": r.choice(WORDS)}}
    if r.random() < 0.5:
        out["list"] = [plain_value(r) for _ in range(r.randint(0, 3))]
    return out


# Transformations of pipelines, and conditions of each kind; some cannot be used.
STEPS = (
    "{type: field_name_mapping, mapping: {cmd: path, user: [cmd, flag], a.b: user}}",
    "{type: field_name_mapping, mapping: {path: cmd}}",
    "{type: field_name_mapping, mapping: {null: cmd}}",
    "{type: field_name_prefix_mapping, mapping: {c: x.c, us: [us, f]}}",
    "{type: field_name_prefix, prefix: 'a.'}", "{type: field_name_suffix, suffix: .b}",
    "{type: drop_detection_item}", "{type: add_condition, conditions: {flag: cmd.exe, n: [5, 7]}}",
    "{type: add_condition, conditions: {'cmd|contains': a}, negated: true}",
    r"{type: replace_string, regex: '\\\\', replacement: '/'}", "{type: replace_string, regex: '^(.)', replacement: '*\\1'}",
    r"{type: replace_string, regex: '\*', replacement: '\*'}", "{type: replace_string, regex: x, replacement: '?', skip_special: true}",
    "{type: replace_string, regex: '[ab]', replacement: '*', skip_special: true, interpret_special: true}",
    "{type: replace_string, regex: '5', replacement: '7'}", "{type: map_string, mapping: {whoami: ['cmd.exe', 'who*'], '*b': b}}",
    r"{type: map_string, mapping: {'C:\Windows\x': path}}",
    "{type: set_value, value: 5}", "{type: set_value, value: 5, force_type: str}", "{type: set_value, value: null}",
    "{type: set_value, value: x, force_type: num}",
    "{type: convert_type, target_type: str}", "{type: convert_type, target_type: num}",
    "{type: case, method: upper}", "{type: case, method: snake_case}", "{type: case}",
    "{type: wildcard_placeholders}", "{type: wildcard_placeholders, include: [one]}", "{type: value_placeholders, exclude: [word]}",
    "{type: value_placeholders}",
    "{type: extract_fields, regex: '(?P<flag>[a-z]+)(?P<n>[0-9.]*)'}",
    "{type: extract_fields, regex: '(?P<b>.*)a', field_prefix: a, preserve_unmatched: true}",
    "{type: hashes_fields, valid_hash_algos: [MD5, SHA1], field_prefix: x, field_to_parse: [flag]}",
    "{type: rule_failure, message: no}", "{type: detection_item_failure, message: no}", "{type: set_state, key: k, val: 5}",
    "{type: set_custom_attribute, attribute: mine, value: 7}", "{type: change_logsource, product: other}",
    "{type: strict_field_mapping_failure}", "{type: nest, items: [{type: field_name_suffix, suffix: .b}]}",
    "{type: add_field, field: x}", "{type: nonsense}",
)
CONDITIONS = {
    "rule": ("{type: logsource, product: test}", "{type: logsource, product: test, category: c}", "{type: contains_field, field: cmd}",
             "{type: contains_detection_item, field: n, value: '5'}", "{type: is_sigma_rule}",
             "{type: rule_attribute, attribute: level, value: medium, op: lt}", "{type: rule_attribute, attribute: title, value: x}",
             "{type: rule_attribute, attribute: mine, value: 5, op: gte}", "{type: processing_state, key: k, val: 4, op: gt}",
             "{type: processing_item_applied, processing_item_id: i1}", "{type: tag, tag: attack.t1059}",
             "{type: rule_attribute, attribute: status, value: test}"),
    "field_name": ("{type: include_fields, fields: [cmd, path]}", "{type: exclude_fields, fields: [cmd, flag]}",
                   "{type: include_fields, fields: ['.*a', 'm'], mode: re}", "{type: exclude_fields, fields: ['c.d'], mode: re}"),
    "detection_item": ("{type: match_string, cond: any, pattern: '.*[a-z]'}", "{type: match_string, cond: all, pattern: cmd}",
                       "{type: match_string, cond: any, pattern: '^w', negate: true}", "{type: contains_wildcard, cond: any}",
                       "{type: match_value, cond: any, value: 5}", "{type: is_null, cond: any}",
                       "{type: processing_item_applied, processing_item_id: i0}",
                       r"{type: match_string, cond: any, pattern: '.*\\\\[A-Z]'}"),
}


def pipeline(r):
    steps = []
    for index in range(r.randint(1, 3)):
        step = r.choice(STEPS)
        extra = [f"id: i{index}"]
        for kind, conditions in CONDITIONS.items():
            if r.random() > 0.35:
                continue
            chosen = r.sample(conditions, r.choice((1, 1, 2)))
            if r.random() < 0.4:
                extra.append(f"{kind}_conditions: {{" + ", ".join(f"c{i}: {c}" for i, c in enumerate(chosen)) + "}")
                names = [f"c{i}" for i in range(len(chosen))]
                expression = r.choice((" and ", " or ", " and not ")).join(names)
                extra.append(f"{kind}_cond_expr: {r.choice(('', 'not '))}{expression}")
            else:
                extra.append(f"{kind}_conditions: [" + ", ".join(chosen) + "]")
                if r.random() < 0.3:
                    extra.append(f"{kind}_cond_op: {r.choice(('and', 'or'))}")
                if r.random() < 0.3:
                    extra.append(f"{kind}_cond_not: true")
        steps.append("  - " + step[:-1] + ", " + ", ".join(extra) + "}\n")
    return "name: random\npriority: 10\ntransformations:\n" + "".join(steps)
