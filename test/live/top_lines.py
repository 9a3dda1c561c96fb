"""Usage: top_lines.py system|exact COUNT <LINES
Checks the output of `anonvma top --json-lines`: its schema, that what cannot differ is equal, and that
the checks against the kernel were made and are equal. `exact` is for a recording in which nothing moves.
"""
import json
import sys


def fail(words):
    sys.exit(f"top_lines.py: {words}")


def expect(truth, words):
    if not truth:
        fail(words)


mode, count = sys.argv[1], int(sys.argv[2])
lines = [json.loads(line) for line in sys.stdin]
head, intervals = lines[0], lines[1:]
expect(head["schema"] == "anonvma.top/1", "the first line has no schema")
expect(len(intervals) == count, f"{len(intervals)} intervals, not {count}")
names = [s["name"] for s in head["strategies"]]
own = next((s["name"] for s in head["strategies"] if s["own"]), None)
expect(own == head["own_strategy"], "the head names no own strategy")

before = None
for line in intervals:
    expect([s["name"] for s in line["strategies"]] == names, "other strategies than in the head")
    for s, described in zip(line["strategies"], head["strategies"]):
        sizes = described["objsizes"]
        for cache, use in s["caches"].items():
            expect(use["bytes"] == use["objs"] * sizes[cache], f"{cache}: bytes are not objects x size")
            expect(use["allocs"] - use["frees"] == use["objs"], f"{cache}: objects are not allocs - frees")
            expect(use["peak_objs"] >= use["objs"], f"{cache}: more than its peak")
        expect(s["bytes"] == sum(c["bytes"] for c in s["caches"].values()), "bytes are no sum")
        expect(s["start_approximate"] == (not s["own"]), "what is approximate?")
    if before is not None:
        expect(line["events"] >= before["events"], "events go back")
        expect(line["elapsed_s"] > before["elapsed_s"], "time goes back")
        expect(line["lost"] >= before["lost"], "losses go back")
    before = line

check = before["check"]
expect(check["possible"] and check["state"] == "done", f"no check was made: {check}")
expect(check["equal"], f"kernel and model differ: {check}")
for lane in ("map_counts", "vmas", "chain_entries"):
    if mode == "exact" or lane == "map_counts":
        expect(check["since_start"][lane + "_differ"] == 0, f"{lane} have differed: {check}")
walk, use = check["walk"], next(s for s in before["strategies"] if s["own"])["caches"]
expect(walk["mms"] > 0 and walk["vmas"] > 0, "the walk is empty")
for seen, cache in (("vmas", "vm_area_struct"), ("chain_entries", "anon_vma_chain"), ("anon_vmas", "anon_vma")):
    model = use[cache]["objs"]
    if mode == "exact":
        expect(walk[seen] == model, f"{cache}: the kernel has {walk[seen]}, the model {model}")
    else:  # some processes live at one of the two moments only
        expect(abs(walk[seen] - model) <= 0.5 * model + 200, f"{cache}: kernel {walk[seen]}, model {model}")
if mode == "system":
    expect(any(line["forks_per_s"] > 0 for line in intervals), "no forks")
    expect(any(line["execs_per_s"] > 0 for line in intervals), "no execs")
    expect(before["owners"]["lines"], "no owners")
print(f"{count} intervals, {check['number']} checks, {before['events']} events, lost {before['lost']}, "
      f"{walk['mms']} mms, {check['vmas']} vmas and {check['chain_entries']} chain entries equal")
