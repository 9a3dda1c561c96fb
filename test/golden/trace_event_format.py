#!/usr/bin/env python3
"""Usage: trace_event_format.py FILE
Checks a trace in Chrome's JSON format against the document "Trace Event Format", as far as Perfetto reads
it: the fields of each phase, slices of a thread that are nested or apart, counters with numbers, and two
ends inside of slices for each arrow. It shares no code with the program that wrote the file."""
import json
import sys

FIELDS = {  # of each phase, with the types that the document asks for
    "M": {"name": str, "pid": int, "args": dict},
    "C": {"name": str, "pid": int, "ts": (int, float), "args": dict},
    "X": {"name": str, "pid": int, "tid": int, "ts": (int, float), "dur": (int, float)},
    "s": {"name": str, "cat": str, "id": int, "pid": int, "tid": int, "ts": (int, float)},
    "f": {"name": str, "cat": str, "id": int, "pid": int, "tid": int, "ts": (int, float), "bp": str},
}
SLACK_US = 0.0005  # half of a nanosecond: times are decimal fractions


def check_fields(event):
    wanted = FIELDS[event["ph"]]
    for field, kind in wanted.items():
        assert isinstance(event.get(field), kind), (field, event)
    if "ts" in wanted:
        assert event["ts"] >= 0, event
    if event["ph"] == "C":
        assert event["args"] and all(isinstance(v, (int, float)) for v in event["args"].values()), event
    if event["ph"] == "M":
        assert event["name"] in ("process_name", "thread_name"), event
        assert isinstance(event["args"]["name"], str), event


def check_slices(slices):
    for track in slices.values():
        open_until = []
        for begin, end in sorted(track, key=lambda s: (s[0], -s[1])):
            while open_until and open_until[-1] <= begin + SLACK_US:
                open_until.pop()
            assert not open_until or end <= open_until[-1] + SLACK_US, (begin, end, open_until)
            open_until.append(end)


def check_arrows(starts, ends, slices):
    assert starts.keys() == ends.keys(), starts.keys() ^ ends.keys()
    for side in (starts, ends):
        for event in side.values():
            around = slices.get((event["pid"], event["tid"]), [])
            assert any(b - SLACK_US <= event["ts"] <= e + SLACK_US for b, e in around), event
    for key, start in starts.items():
        assert start["ts"] <= ends[key]["ts"], start


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        trace = json.load(file)
    assert isinstance(trace["traceEvents"], list) and trace["traceEvents"]
    assert trace.get("displayTimeUnit") in ("ms", "ns")
    slices, starts, ends, named, used, last = {}, {}, {}, set(), set(), {}
    for event in trace["traceEvents"]:
        check_fields(event)
        used.add(event["pid"])
        if event["ph"] == "M":
            named.add(event["pid"])
        elif event["ph"] == "X":
            assert event["dur"] >= 0, event
            slices.setdefault((event["pid"], event["tid"]), []).append((event["ts"], event["ts"] + event["dur"]))
        elif event["ph"] == "C":
            key = event["pid"], event["name"]
            assert last.get(key, 0) <= event["ts"], event
            last[key] = event["ts"]
        else:
            side = starts if event["ph"] == "s" else ends
            assert side.setdefault((event["cat"], event["id"]), event) is event, event
    assert named == used, named ^ used
    check_slices(slices)
    check_arrows(starts, ends, slices)
    assert last and slices and starts


if __name__ == "__main__":
    main()
