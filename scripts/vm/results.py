"""The result of a guest: result.json beside its output, what it must have reached, and test/vm/matrix.md."""
import glob
import json
import os
import re

# The goal of each kernel: the tier that `doctor` prints, or DIFFERS if `verify` says so. A kernel that does
# better than its row is a failure as well, so that the row is brought up to date.
EXACT, DIFFERS, UNSUPPORTED = 'exact', 'differs', 'unsupported'
EXPECTED = {'x5.10-rt': UNSUPPORTED, 'a5.10-rt': UNSUPPORTED}  # the lock of their ring buffers sleeps
# Corner cases that may differ, by kernel: test/vm/README.md says why.
WITHOUT_LOCK_HOOK = ('uffd_copy_foreign', 'uffd_close_foreign', 'uffd_shmem_minor', 'uring_inline', 'uring_async',
                     'mixed_threads', 'fork_killed')
CORNERS_KNOWN = {'x5.10': WITHOUT_LOCK_HOOK, 'a5.10': WITHOUT_LOCK_HOOK}


def expected(name):
    return EXPECTED.get(name, EXACT)


def said(folder, name):
    """(status, stdout, stderr) of a command of the job."""
    def read(kind):
        path = f'{folder}/out/{name}.{kind}'
        if not os.path.exists(path):
            return ''
        with open(path, errors='replace') as f:
            return f.read()
    status = read('rc').strip()
    return int(status) if status else None, read('out'), read('err')


def last_line(*texts):
    return next((text.strip().splitlines()[-1] for text in texts if text.strip()), 'said nothing')


def parsed(folder, name):
    try:
        return json.loads(said(folder, name)[1])
    except ValueError:
        return {}


def recording(folder):
    """(facts of the recording of life.sh, its faults)."""
    status, out, err = said(folder, 'record')
    info, verdict = parsed(folder, 'info'), parsed(folder, 'verify')
    lanes = verdict.get('lanes', [])
    facts = {
        'tier': parsed(folder, 'doctor').get('tier', 'none'),
        'events': info.get('events', 0), 'lost': info.get('lost', 0),
        'page_size': info.get('page_size', 0), 'thp': info.get('thp', ''), 'rules': verdict.get('rules', ''),
        'strategy': verdict.get('strategy', ''),
        'lanes': sum(lane['available'] for lane in lanes),
        'not_available': [lane['name'] for lane in lanes if not lane['available']],
        'compared': sum(lane['compared'] for lane in lanes),
        'differences': sum(lane['compared'] - lane['equal'] for lane in lanes),
    }
    wrong = []
    if status is None or (status == 69 and facts['tier'] == UNSUPPORTED):
        return facts, wrong
    if status != 0:
        wrong.append(f'record {status}: {last_line(err, out)}')
    if info and info.get('command_status') != 0:
        wrong.append(f'the workload ended with {info.get("command_status")}')
    if said(folder, 'verify')[0] == 1:
        facts['tier'] = DIFFERS
    if said(folder, 'verify')[0] != 0:
        wrong.append('verify: ' + (verdict.get('verdict') or last_line(*said(folder, 'verify')[1:])))
        wrong += verdict.get('differences', [])[:3]
    return facts, wrong


def random_programs(folder):
    """(facts of the random programs, their faults)."""
    status, out, err = said(folder, 'programs')
    if status is None:
        return {}, []
    counts = re.search(r'^(\d+) operations, (\d+) programs, (\d+) states compared, (\d+) differences', out, re.M)
    seed = re.search(r'^seed (\S+)', out, re.M)
    rules = re.search(r'^rules (.+), \d+ behaviours', out, re.M)
    facts = {'seed': seed[1] if seed else '', 'rules': rules[1] if rules else ''}
    if counts:
        facts.update(zip(('operations', 'programs', 'states', 'differences'), map(int, counts.groups())))
    first = re.search(r'^seed (\S+) differs.*', out, re.M)
    lost = re.search(r'^doubt: (\d+) records were lost', out, re.M)
    facts['lost'] = int(lost[1]) if lost else 0
    wrong = [f'programs {status}: {first[0] if first else last_line(err, out)}'] if status not in (0, 77) else []
    return facts, wrong


def replays(folder):
    """The faults of the programs that once differed somewhere."""
    status, out, err = said(folder, 'replays')
    if status in (None, 0, 77):
        return []
    return [f'replays {status}: {last_line(err, out)}'] + re.findall(r'^DIFFERS .*', out, re.M)


def corner_cases(name, folder):
    """(facts of the corner cases on kernel `name`, their faults)."""
    status, out, err = said(folder, 'corners')
    if status is None:
        return {}, []
    named = lambda what: re.findall(rf'^{what} (\w+)', out, re.M)
    known = [case for case in named('failed') if case in CORNERS_KNOWN.get(name, ())] + named('known difference')
    new = [line for line in re.findall(r'^failed (.*)', out, re.M) if re.match(r'\w+', line)[0] not in known]
    facts = {'equal': len(named('equal')), 'skipped': len(named('skipped')), 'known': known,
             'differ': [re.match(r'\w+', line)[0] for line in new]}
    if status not in (0, 1):
        new.append(last_line(err, out))
    return facts, [f'corners {status}: {line}' for line in new]


def judge(name, folder, guest, why):
    """Writes result.json for the output of `name` in `folder`; `guest` is its own status. Returns the result."""
    facts, wrong = recording(folder)
    programs, differ = random_programs(folder)
    differ += replays(folder)
    cases, differ_too = corner_cases(name, folder)
    differ += differ_too
    goal = expected(name)
    if goal == facts['tier'] == DIFFERS:
        wrong = differ = []
    wrong = ([why or f'the job ended with {guest}'] if guest != 0 else []) + wrong + differ
    if guest == 0 and facts['tier'] != goal:
        wrong.append(f'reaches "{facts["tier"]}" and not "{goal}": see EXPECTED in scripts/vm/results.py')
    with open(f'{folder}/guest.json') as f:
        result = {'kernel': name, **json.load(f), **facts, 'expected': goal, 'programs': programs, 'corners': cases,
                  'steps': {step: said(folder, step)[0]
                            for step in ('doctor', 'record', 'verify', 'replays', 'programs', 'corners')},
                  'ok': not wrong, 'wrong': wrong}
    with open(f'{folder}/result.json', 'w') as f:
        json.dump(result, f, indent=1)
    return result


def sentence(result):
    programs = result['programs']
    text = f'{result["name"]}: {result["release"]} {result["tier"]}'
    if result['events']:
        text += (f'; {result["events"]} events, lost {result["lost"]}, {result["compared"]} comparisons in '
                 f'{result["lanes"]} lanes, {result["differences"]} differ')
    if programs.get('seed'):
        text += (f'; {programs.get("operations", "?")} random operations from seed {programs["seed"]}, '
                 f'{programs.get("differences", "?")} differ')
        text += f', {programs["lost"]} records lost' if programs.get('lost') else ''
    if cases := result['corners']:
        text += f'; {cases["equal"]} corner cases equal, {cases["skipped"]} skipped'
        text += f', known to differ: {" ".join(cases["known"])}' if cases['known'] else ''
    text += f'; {result["seconds"]:.0f} s: ' + ('ok' if result['ok'] else 'FAILED')
    return '\n  '.join([text] + result['wrong'])


def by_kernel(out, counts):
    """The results under `out` that `counts` accepts, by kernel."""
    rows = {}
    for path in glob.glob(f'{out}/*/result.json'):
        with open(path) as f:
            result = json.load(f)
        if counts(result):
            rows.setdefault(result['kernel'], []).append(result)
    return rows


def kernel_of(result):
    """The release, and what its name here adds to it: 6.12.118 rt."""
    return ' '.join([re.sub(r'[+-].*', '', result['release'])] + result['kernel'].split('-')[1:])


def programs_table(out, names):
    """The second table, the results of random programs under `out`: one row for each kernel."""
    rows = by_kernel(out, lambda result: result['programs'].get('operations'))
    lines = ['| kernel | machine | rules | random operations | programs | states compared | differences | lost |',
             '|---|---|---|---|---|---|---|---|']
    for name in names:
        if name not in rows:
            continue
        results = [result['programs'] for result in rows[name]]
        one = rows[name][0]
        lines.append(' | '.join([
            '| ' + kernel_of(one), one['arch'],
            ', '.join(sorted({result.get('rules', '') for result in results} - {''})),
            *(str(sum(result.get(key, 0) for result in results))
              for key in ('operations', 'programs', 'states', 'differences', 'lost'))]) + ' |')
    return '\n'.join(lines)


def table(out, names):
    """The first table of the matrix, of the results under `out`; guests of one kernel are one row."""
    # A guest that was stopped has brought back nothing.
    rows = by_kernel(out, lambda result: result['tier'] == UNSUPPORTED or result['events'] or
                     result['programs'].get('operations'))
    lines = ['| kernel | machine | page | accuracy | events | lost | lanes | n/a | random operations | differences | s |',
             '|---|---|---|---|---|---|---|---|---|---|---|']
    for name in names:
        results = rows.get(name)
        if not results:
            continue
        add = lambda key: sum(result.get(key, 0) for result in results)
        add_programs = lambda key: sum(result['programs'].get(key, 0) for result in results)
        one = results[0]
        absent = sorted({lane for result in results for lane in result['not_available']})
        page = max(result['page_size'] for result in results)
        tiers = sorted({result['tier'] for result in results})
        lines.append(' | '.join([
            '| ' + kernel_of(one), one['arch'], f'{page // 1024} KiB' if page else '',
            ', '.join(tiers), str(add('events')), str(add('lost')), str(max(r['lanes'] for r in results)),
            ', '.join(absent) or '-' if len(absent) < 4 else f'{len(absent)} lanes', str(add_programs('operations')),
            str(add('differences') + add_programs('differences')), f'{add("seconds"):.0f} |']))
    return '\n'.join(lines)


def corners_table(out, names):
    """The third table, the corner cases: one row for each kernel."""
    rows = by_kernel(out, lambda result: result.get('corners'))
    lines = ['| kernel | machine | equal | skipped | known to differ | differ | s |', '|---|---|---|---|---|---|---|']
    for name in names:
        for result in rows.get(name, []):
            cases = result['corners']
            lines.append(f'| {kernel_of(result)} | {result["arch"]} | {cases["equal"]} | {cases["skipped"]} | '
                         f'{" ".join(cases["known"]) or "-"} | {" ".join(cases["differ"]) or "-"} | '
                         f'{result["seconds"]:.0f} |')
    return '\n'.join(lines)


PAGE = """# Kernels in guests

Written by `scripts/vmtest matrix` from the results of the last runs; edit the script and not this page.
[README.md](README.md) says how guests are run, and explains the differences.

## Recordings

Events and lanes are of `smoke`, random operations of `programs`; the seconds are of both.

{recordings}

## Random programs

{programs}

## Corner cases

{corners}
"""


def matrix(out, names, needed):
    """(the text of test/vm/matrix.md, those of `needed` without a recording or random programs under `out`)."""
    recordings = by_kernel(out, lambda result: result['events'])
    programs = by_kernel(out, lambda result: result['programs'].get('operations'))
    text = PAGE.format(recordings=table(out, names), programs=programs_table(out, names),
                       corners=corners_table(out, names))
    return text, [name for name in needed if name not in recordings or name not in programs]
