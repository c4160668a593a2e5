#!/usr/bin/env python3
"""`detect`, `read --rules`, `sensor --rules` and `rules ...` as users call them.

    tests/cli/rules.py PROGRAM [NAME...]     # all tests, or those named

Each test is a function; a failed assertion names its line. What only root can do is skipped for others.
"""
import gzip
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
CAPTURES = ROOT / "tests/captures"
RULES = ROOT / "rules"
VALUES = ROOT / "tests/rules/values.yml"
program = sys.argv[1]

RULE = """title: {title}
id: {id}
level: {level}
tags: [attack.t1569.002]
logsource: {{product: rpcmarshal}}
detection:
  s: {{{detection}}}
  condition: s
"""


class Run:
    def __init__(self, *arguments, stdin=None):
        done = subprocess.run([program, *map(str, arguments)], input=stdin, capture_output=True, timeout=120,
                              check=False)
        self.status = done.returncode
        self.out = done.stdout.decode()
        self.err = done.stderr.decode()

    @property
    def records(self):
        return [json.loads(line) for line in self.out.splitlines()]


def rule(folder, name, title, detection, level="high", number=1):
    path = folder / f"{name}.yml"
    path.write_text(RULE.format(title=title, level=level, detection=detection,
                                id=f"00000000-0000-4000-8000-{number:012d}"))
    return path


def events(folder, name="svcctl_smb2.pcap"):
    path = folder / "events.jsonl"
    path.write_text(Run("read", "--format", "json", CAPTURES / name).out)
    return path


def created(folder):
    return rule(folder, "created", "Service created", "operation: RCreateServiceW")


def test_detect_reads_what_it_is_given(folder):
    path, log = created(folder), events(folder)
    capture = CAPTURES / "svcctl_smb2.pcap"
    packed = folder / "packed"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    packed_capture = folder / "packed.pcap.gz"
    packed_capture.write_bytes(gzip.compress(capture.read_bytes()))
    for given in (log, capture, packed, packed_capture):
        run = Run("detect", "--rules", path, "--format", "json", given)
        assert run.status == 0, run.err
        assert [a["rule"]["title"] for a in run.records] == ["Service created"], given
        assert run.records[0]["input"] == str(given)
        assert run.records[0]["event"]["request"]["lpServiceName"] == "Updater"
        assert {"field": "operation", "value": "RCreateServiceW"} in run.records[0]["matched"]
    for given in (log, capture, packed, packed_capture):
        run = Run("detect", "--rules", path, "--format", "json", "-", stdin=given.read_bytes())
        assert run.status == 0 and len(run.records) == 1, (given, run.err)


def test_detect_reads_event_logs_also_packed_and_from_a_pipe(folder):
    logs = sorted((ROOT.parent / "shared/corpus/sigma-regression").rglob("*.evtx"))
    if not logs:
        return "no event log in ../shared/corpus"
    path = folder / "any.yml"
    path.write_text("title: any\nlogsource: {product: windows}\n"
                    "detection: {s: {EventID|exists: true}, condition: s}\n")
    plain = Run("detect", "--rules", path, "--format", "json", "--no-event", logs[0])
    assert plain.status == 0 and plain.records, plain.err
    packed = folder / "log.evtx.gz"
    packed.write_bytes(gzip.compress(logs[0].read_bytes()))
    for run in (Run("detect", "--rules", path, "--format", "json", "--no-event", packed),
                Run("detect", "--rules", path, "--format", "json", "--no-event", "-",
                    stdin=logs[0].read_bytes())):
        assert run.status == 0, run.err
        assert len(run.records) == len(plain.records)


def test_detect_options(folder):
    path, log = created(folder), events(folder)
    rule(folder, "low", "Low one", "operation: RStartServiceW", level="low", number=2)
    both = Run("detect", "--rules", folder, "--format", "json", log)
    assert {a["rule"]["level"] for a in both.records} == {"high", "low"}
    assert re.search(r"\d+ events, 2 rules, 2 alerts: 1 high, 1 low", both.err), both.err
    only = Run("detect", "--rules", folder, "--level", "medium", "--no-event", "--no-summary", log)
    assert [a["rule"]["level"] for a in only.records] == ["high"]
    assert "event" not in only.records[0] and only.err == ""
    text = Run("detect", "--rules", path, "--format", "text", "--colour", "never", log).out
    assert "high  Service created  T1569.002\n    operation = RCreateServiceW\n" in text, text
    out = folder / "out.jsonl"
    assert Run("detect", "--rules", path, "-o", out, log).out == ""
    assert len(out.read_text().splitlines()) == 1


def test_broken_rules_do_not_stop_the_others(folder):
    created(folder)
    log = events(folder)
    (folder / "broken.yml").write_text("title: x\ndetection: [unclosed\n---\ntitle: no selection\n"
                                       "logsource: {product: x}\ndetection: {condition: s}\n")
    (folder / "modifier.yml").write_text("title: m\nlogsource: {product: rpcmarshal}\n"
                                         "detection:\n  s: {a|contain: b}\n  condition: s\n")
    (folder / "regex.yml").write_text("title: r\nlogsource: {product: rpcmarshal}\n"
                                      "detection:\n  s: {a|re: '(?=b)'}\n  condition: s\n")
    (folder / "circle.yml").write_text(
        "title: a\nname: a\ncorrelation: {type: temporal, rules: [b], timespan: 1m}\n---\n"
        "title: b\nname: b\ncorrelation: {type: temporal, rules: [a], timespan: 1m}\n")
    run = Run("detect", "--rules", folder, "--format", "json", log)
    assert run.status == 0 and len(run.records) == 1, run.err
    for expected in (r"broken\.yml:\d+:\d+: error", r"modifier\.yml:4:\d+: error: .*contains",
                     r"regex\.yml:4:\d+: error", r"circle\.yml:\d+:\d+: error: .*circle"):
        assert re.search(expected, run.err), (expected, run.err)
    strict = Run("detect", "--strict", "--rules", folder, log)
    assert strict.status == 2 and strict.out == ""


def test_exit_statuses(folder):
    path, log = created(folder), events(folder)
    assert Run("detect", log).status == 2, "no --rules"
    assert Run("detect", "--rules", folder / "none", log).status == 2
    assert Run("detect", "--rules", path, folder / "none.jsonl").status == 1
    assert Run("detect", "--rules", path, "--logsource", "=", log).status == 2
    damaged = folder / "damaged.jsonl"
    damaged.write_text(log.read_text() + '{"a": \n')
    run = Run("detect", "--rules", path, "--format", "json", damaged)
    assert run.status == 1 and len(run.records) == 1 and "could not be read" in run.err, run.err
    assert Run("read", "--rules", folder / "none", CAPTURES / "demo.pcap").status == 2
    assert Run("rules", "lint", folder / "none").status == 2
    assert Run("rules", "test", path).status == 1, "no examples"


def test_patterns_that_blow_up_elsewhere(folder):
    (folder / "r.yml").write_text("title: r\nlogsource: {product: x}\ndetection:\n"
                                  "  s: {a|re: '^(a+)+$'}\n  condition: s\n")
    log = folder / "log.jsonl"
    log.write_text(json.dumps({"a": "a" * 200000 + "!"}) + "\n")
    start = time.monotonic()
    assert Run("detect", "--rules", folder, log).status == 0
    assert time.monotonic() - start < 20


def test_many_groups_stay_bounded(folder):
    (folder / "c.yml").write_text(
        "title: e\nname: e\nlogsource: {product: x}\ndetection: {s: {k: 1}, condition: s}\n---\n"
        "title: c\ncorrelation: {type: event_count, rules: [e], group-by: [g], timespan: 1d, "
        "condition: {gte: 2}}\n")
    log = folder / "log.jsonl"
    with log.open("w") as out:
        for i in range(1_000_000):
            out.write('{"k":1,"g":"%d"}\n' % i)
        out.write('{"k":1,"g":"999999"}\n')
    with subprocess.Popen([program, "detect", "--rules", str(folder), "--format", "json", str(log)],
                          stdout=subprocess.PIPE, text=True) as run:
        output = run.stdout.read()
        _, status, usage = os.wait4(run.pid, 0)  # what this one process took
        run.returncode = os.waitstatus_to_exitcode(status)
    assert run.returncode == 0
    assert usage.ru_maxrss < 2_000_000, f"{usage.ru_maxrss} kB of memory"
    assert len(output.splitlines()) == 1, "the group that was active last is still known"


def test_read_shows_alerts_with_their_events(folder):
    path, capture = created(folder), CAPTURES / "svcctl_smb2.pcap"
    plain = Run("read", "--format", "json", capture).records
    run = Run("read", "--format", "json", "--rules", path, capture)
    assert run.status == 0 and "1 alert: 1 high" in run.err, run.err
    alerted = [e for e in run.records if "alerts" in e]
    assert [e["operation"] for e in alerted] == ["RCreateServiceW"]
    assert alerted[0]["alerts"][0]["title"] == "Service created"
    for event in alerted:
        del event["alerts"]
    assert run.records != plain
    stripped = [{k: v for k, v in e.items() if k != "alerts"} for e in run.records]
    assert [{**e, "transport": None} for e in stripped] == [{**e, "transport": None} for e in plain]
    text = Run("read", "--format", "text", "--rules", path, capture).out
    assert "    ▲ high  Service created  T1569.002\n" in text
    assert "△ medium" in text and "▲ medium" not in text, "annotations look different"
    records = folder / "alerts.jsonl"
    zeek = Run("read", "--format", "zeek", "--rules", path, "--alerts", records, capture)
    assert zeek.status == 0, zeek.err
    assert [json.loads(line)["event"]["operation"] for line in records.read_text().splitlines()] == \
        ["RCreateServiceW"]
    refused = Run("read", "--format", "zeek", "--rules", path, capture)
    assert refused.status == 2 and "--alerts" in refused.err


def test_workers_change_nothing(folder):
    options = ["--format", "json", "--no-summary", "--rules", RULES, "--values", VALUES]
    captures = [c for c in sorted(CAPTURES.glob("*.pcap")) if "truncated" not in c.name]
    def found(*more):
        run = Run("read", *options, *more, *captures)
        assert run.status == 0, run.err
        alerts = [(e["ts"], a["title"]) for e in run.records for a in e.get("alerts", [])]
        alerts += [(e["ts"], e["rule"]["title"]) for e in run.records if e.get("kind") == "alert"]
        return sorted(alerts)
    alone = found()
    assert len(alone) > 100, len(alone)
    assert found("--workers", "3") == alone


def test_shares_are_seen_in_captures(folder):
    (folder / "pipe.yml").write_text(
        "title: pipe opened\nlogsource: {product: zeek, service: smb_files}\ndetection:\n"
        "  s: {path|endswith: 'IPC$', name: svcctl, action: 'SMB::PIPE_OPEN'}\n  condition: s\n---\n"
        "title: share connected\nlogsource: {product: zeek, service: smb_mapping}\ndetection:\n"
        "  s: {path|re: 'IPC\\$$', share_type: PIPE}\n  condition: s\n")
    capture = CAPTURES / "svcctl_smb2.pcap"
    run = Run("detect", "--rules", folder, "--format", "json", capture)
    titles = [a["rule"]["title"] for a in run.records]
    assert "pipe opened" in titles and "share connected" in titles, (titles, run.err)
    assert run.records[0]["event"]["id.resp_p"] == 445
    beside = [r for r in Run("read", "--rules", folder, "--format", "json", capture).records
              if r.get("kind") == "alert"]
    assert sorted(a["rule"]["title"] for a in beside) == sorted(titles)


def test_pipeline(folder):
    path, log = created(folder), folder / "other.jsonl"
    log.write_text('{"op": "rcreateservicew", "svc": 1}\n{"op": "x"}\n')
    pipeline = folder / "pipeline.txt"
    pipeline.write_text("transformations:\n  - {type: field_name_mapping, mapping: {operation: op}}\n"
                        "  - {type: add_condition, conditions: {svc: 1}}\n")
    run = Run("detect", "--rules", path, "--pipeline", pipeline, "--format", "json", log)
    assert run.status == 0 and len(run.records) == 1, run.err
    pipeline.write_text("transformations:\n  - {type: no_such_thing}\n")
    run = Run("detect", "--rules", path, "--pipeline", pipeline, log)
    assert run.status == 2 and "pipeline.txt:2:12: error" in run.err, run.err


BAD_RULE = """title: Transposed
logsource:
  product: zeek
  service: dce_rpc
detection:
  op1:
    endpoint: 'JobAdd'
    operation: 'atsvc'
  unused: {endpoint: svcctl}
  condition: op1
tags: [attack.execution, attack.t1053.002]
level: medium
"""


def test_lint(folder):
    path = folder / "bad.yml"
    path.write_text(BAD_RULE)
    text = Run("rules", "lint", path)
    assert text.status == 1, text.out
    assert re.search(r"bad\.yml:7:15: error: .*NetrJobAdd.*\[transposed-fields\]", text.out), text.out
    assert "[unused-selection]" in text.out
    lines = Run("rules", "lint", "--format", "json", "--severity", "error", path).records
    assert lines and all(f["severity"] == "error" for f in lines)
    sarif = json.loads(Run("rules", "lint", "--format", "sarif", path).out)
    assert sarif["version"] == "2.1.0"
    run = sarif["runs"][0]
    ids = {r["id"] for r in run["tool"]["driver"]["rules"]}
    for result in run["results"]:
        assert result["ruleId"] in ids and result["level"] in ("note", "warning", "error")
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region["startLine"] >= 1 and region["startColumn"] >= 1
    fixed = Run("rules", "lint", "--fix", path)
    assert "endpoint: 'atsvc'" in path.read_text() and "operation: 'NetrJobAdd'" in path.read_text(), fixed.out
    after = path.read_text()
    Run("rules", "lint", "--fix", path)
    assert path.read_text() == after, "nothing is left to fix"
    allowed = folder / "allowed.yml"
    allowed.write_text("# lint: allow unused-selection: kept for later\n# lint: allow keywords\n" + after)
    out = Run("rules", "lint", allowed).out
    assert "[unused-selection]" not in out and "[useless-allowance]" in out, out


def test_own_rules_have_no_warnings(folder):
    run = Run("rules", "lint", "--severity", "warning", RULES)
    assert run.status == 0 and run.out == "", run.out


def test_score_and_layer(folder):
    path = folder / "r.yml"
    path.write_text(BAD_RULE)
    score = Run("rules", "score", "--format", "json", RULES / "zeek/execution.yml").records
    assert score and re.fullmatch(r"4H", score[0]["score"]), score[0]
    svg = xml.etree.ElementTree.fromstring(Run("rules", "score", "--format", "svg", RULES / "zeek").out)
    assert svg.tag.endswith("svg")
    layer = json.loads(Run("rules", "layer", RULES).out)
    assert layer["versions"]["layer"] == "4.5" and layer["domain"] == "enterprise-attack"
    techniques = {t["techniqueID"]: t["score"] for t in layer["techniques"]}
    assert techniques["T1569.002"] >= 5 and techniques["T1003.006"] >= 3


def test_rule_examples(folder):
    run = Run("rules", "test", "--values", VALUES, RULES / "services")
    assert run.status == 0, run.out + run.err
    # Without the values that a rule needs, it is said which, and how to give them.
    run = Run("rules", "test", RULES / "directory" / "dcsync_by_no_domain_controller.yml")
    assert run.status == 1 and "domain_controllers" in run.out and "--values" in run.out, run.out


def test_sensor_reads_rules_anew(folder):
    if os.geteuid() != 0:
        return "only root may capture"
    path = created(folder)
    out = folder / "events.jsonl"
    err = (folder / "err").open("w+")
    sensor = subprocess.Popen([program, "sensor", "-i", "lo", "--rules", str(folder), "-o", str(out),
                               "--alerts", str(folder / "alerts.jsonl")], stderr=err, stdout=err)
    def wait_for(text):
        for _ in range(300):
            err.seek(0)
            if text in err.read():
                return True
            if sensor.poll() is not None:
                return False
            time.sleep(0.1)
        return False
    try:
        if not wait_for("listening on lo"):
            return "lo cannot be captured here"
        rule(folder, "second", "Another", "operation: ROpenServiceW", number=2)
        sensor.send_signal(signal.SIGHUP)
        assert wait_for("2 rules loaded in place of 1")
        path.write_text("title: [")
        sensor.send_signal(signal.SIGHUP)
        assert wait_for("the 2 rules from before keep running")
        sensor.send_signal(signal.SIGTERM)
        assert sensor.wait(30) == 0
    finally:
        if sensor.poll() is None:
            sensor.kill()
            sensor.wait()
        err.close()
    return None


def main():
    wanted = sys.argv[2:]
    failed = 0
    for name, test in sorted(globals().items()):
        if not name.startswith("test_") or (wanted and name not in wanted):
            continue
        folder = pathlib.Path(tempfile.mkdtemp())
        try:
            skipped = test(folder)
            if skipped:
                print(f"{name}: skipped: {skipped}")
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f"{name}: FAILED")
            traceback.print_exc(file=sys.stdout)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
