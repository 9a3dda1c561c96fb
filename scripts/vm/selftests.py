"""The kernel's own tests of memory management: the programs, and what one recording of each shows."""
import glob
import json
import os
import shutil
import subprocess
import tempfile

from vm.guest import boot, with_libraries
from vm.jobs import OUT, RUN, program
from vm.packages import CACHE, KERNELS, Unavailable, alone, apt, tool, unpack_source
from vm.results import said

SOURCE, SUITE = 'linux-source-7.3', 'trixie-backports'
ARGUMENTS = {'transhuge-stress': ['-d', '5']}
HELPERS = {'write_to_hugetlbfs'}  # run by other tests
HEADER = f"{'program':<28} {'events':>9} {'lost':>6} {'differ':>8} {'exit':>5}"


def tests():
    """The folder with the programs."""
    folder = os.path.join(CACHE, 'kselftest-' + SOURCE)
    if os.path.isdir(folder):
        return folder
    with alone('lock-kselftest'), tempfile.TemporaryDirectory(dir=CACHE) as work:
        if os.path.isdir(folder):  # another process was faster
            return folder
        source = unpack_source(SOURCE, apt(SUITE, 'amd64'), work)
        tool('make', '-s', 'headers', cwd=source)
        # Programs whose libraries are missing here are left out by the Makefile or fail alone.
        subprocess.run(['make', '-s', '-k', f'-j{os.cpu_count()}', '-C', source + '/tools/testing/selftests/mm'],
                       capture_output=True)
        built = [f for f in glob.glob(source + '/tools/testing/selftests/mm/*')
                 if os.path.isfile(f) and os.access(f, os.X_OK) and is_program(f)]
        if not built:
            raise Unavailable('no test could be built')
        os.makedirs(work + '/programs')
        for path in built:
            shutil.copy(path, work + '/programs')
        os.rename(work + '/programs', folder)
    return folder


def is_program(path):
    with open(path, 'rb') as f:
        return f.read(4) == b'\x7fELF'


def names(folder):
    return sorted(set(os.listdir(folder)) - HELPERS)


def judged(info, status, verdict):
    """(line of the table, whether nothing differs) of `info --json`, and of `verify --json` and its status."""
    info, lanes = json.loads(info), json.loads(verdict).get('lanes', [])
    differ = sum(lane['compared'] - lane['equal'] for lane in lanes)
    ended = info.get('command_status', -1) >> 8
    return f"{info['events']:>9} {info['lost']:>6} {differ:>8} {ended:>5}", status == 0


def table(rows):
    """Prints a line for each (name, line, whether nothing differs); True if nothing differs."""
    print(HEADER)
    differing, count = [], 0
    for name, line, good in rows:
        print(f'{name:<28} {line}', flush=True)
        count += 1
        if not good:
            differing.append(name)
    print(f'{count} programs, {len(differing)} differ' + (': ' + ' '.join(differing) if differing else ''))
    return count > 0 and not differing


def job(programs, seconds):
    """Each program recorded and compared; a trace stays where it differs."""
    text = RUN
    for name in programs:
        words = ' '.join([f'/selftests/{name}', *ARGUMENTS.get(name, [])])
        text += f'''run {name} anonvma record --quiet --truth --force -o {name}.trace -- timeout -k 5 {seconds} {words}
[ ! -f {name}.trace ] || {{ run {name}.info anonvma info --json {name}.trace
run {name}.verify anonvma verify --json {name}.trace; [ $(cat {name}.verify.rc) -ne 0 ] || rm {name}.trace; }}
'''
    return text


def rows(folder, programs):
    for name in programs:
        status, out, err = said(folder, name)
        if status is None:
            yield name, 'was not run: the guest had no time', False
        elif status not in (0, 3):
            yield name, f'record ended with {status}: {(err or out).strip()[-200:]}', False
        else:
            code, verdict, _ = said(folder, name + '.verify')
            yield name, *judged(said(folder, name + '.info')[1], code, verdict)


def guest(name, kvm, seconds=20):
    """Records each program in a guest, and prints the table."""
    if KERNELS[name].arch != 'amd64':
        raise Unavailable('the tests are built for x86_64 only')
    source, payload = tests(), program(KERNELS[name].arch)
    programs = names(source)
    for one in os.listdir(source):
        for path, file in with_libraries(os.path.join(source, one)).items():
            payload[path.replace('payload/', 'selftests/')] = file
    folder = os.path.join(OUT, name + '-kselftest')
    status, why = boot(name, folder, payload, job(programs, seconds), seconds=5400, kvm=kvm)
    print(f'{name}: {why or "guest done"}')
    return table(rows(folder, programs)) and status == 0
