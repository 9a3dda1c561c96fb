"""Checks of single things, each in one guest."""
import os
import sys

from vm.guest import boot
from vm.jobs import CLOCK, OUT, RECORD, program
from vm.packages import KERNELS
from vm.results import said


def record(name, kvm):
    """Prints the output of each step on this kernel; fails if a step fails."""
    folder = os.path.join(OUT, name)
    status, why = boot(name, folder, program(KERNELS[name].arch), RECORD, kvm=kvm)
    bad = status != 0
    print(f'{name}: {why or "guest done"}')
    for step in ('doctor', 'record', 'verify'):
        code, out, err = said(folder, step)
        if code is None:
            continue
        bad |= code != 0
        lines = [line for line in out.splitlines() if line.startswith('MISSING')] if step == 'doctor' else []
        last = (err or out).strip().splitlines()[-1:]
        print(f'  {step} {code}: ' + ' | '.join(lines + last))
    return not bad


def lockdown(name, kvm):
    """Under lockdown=confidentiality BPF can read nothing: the recorder must say so in one line."""
    payload, problems = program(KERNELS[name].arch), []
    for words in ('', 'lockdown=confidentiality'):
        folder = os.path.join(OUT, name + ('-lockdown' if words else ''))
        status, why = boot(name, folder, payload, RECORD, words, kvm=kvm)
        if status is None:
            problems.append(f'{words or "no lockdown"}: {why}')
            continue
        for step in ('doctor', 'record', 'verify'):
            code, out, err = said(folder, step)
            print(f'== {name} {words or "without lockdown"}: {step}: status {code}\n{out}{err}', end='')
        if said(folder, 'before')[1] != said(folder, 'after')[1]:
            problems.append(f'{words}: BPF objects were left')
        code, _, err = said(folder, 'record')
        if not words:
            if code != 0:
                problems.append('recording does not work here in any case: that it is refused proves nothing')
            continue
        if code != 69 or err.count('\n') != 1 or 'lockdown' not in err:
            problems.append(f'record under lockdown: status {code}: {err.strip()}')
        code, out, _ = said(folder, 'doctor')
        if code != 69 or 'lockdown' not in out:
            problems.append(f'doctor under lockdown: status {code} and no word of it')
        if os.path.exists(f'{folder}/out/record.trace'):
            problems.append('a trace was left under lockdown')
    for problem in problems:
        print(f'vmtest: {problem}', file=sys.stderr)
    return not problems


def wiped(name, kvm):
    """If a hook comes after the free, a kernel that wipes freed memory leaves nothing to read."""
    folder = os.path.join(OUT, name + '-wiped')
    status, why = boot(name, folder, program(KERNELS[name].arch), RECORD, 'init_on_free=1', kvm=kvm)
    good = status == 0
    for step in ('doctor', 'record'):
        code, out, err = said(folder, step)
        good &= code == 69 and 'init_on_free' in out + err and (step == 'doctor' or err.count('\n') == 1)
        print(f'{name} init_on_free=1: {why} {step} {code}: {(err or out).strip().splitlines()[-1:]}')
    return good and not os.path.exists(f'{folder}/out/record.trace')


def clock(name, kvm):
    """Steps of the wall clock do not change times in a trace."""
    folder = os.path.join(OUT, name + '-clock')
    status, why = boot(name, folder, program(KERNELS[name].arch), CLOCK, kvm=kvm)
    code, out, err = said(folder, 'record')
    verdict = said(folder, 'verify')[1]
    stepped = [year for year in ('2031', '2001') if year in out]
    equal, failed = verdict.count('equal to the kernel'), verdict.count('FAILED')
    print(f'{name}: {why or "guest done"}\n  record {code}: {err.strip()}\n  the clock stood at {" and ".join(stepped)}; '
          f'{equal} parts equal to the kernel, {failed} not')
    return status == 0 and code == 0 and len(stepped) == 2 and equal > 0 and failed == 0
