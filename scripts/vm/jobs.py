"""Jobs for guests: the files they get and the commands they run."""
import glob
import os
import shutil

from vm.guest import with_libraries
from vm.packages import Unavailable, static_program

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUT = os.path.join(ROOT, 'build', 'vmtest')
TESTS = ('test/live/live_scripted', 'test/live/live_hammer', 'test/live/corners/live_corners',
         'test/differential/test_differential', 'test/differential/differential_target')

# Every command leaves NAME.out, NAME.err and NAME.rc.
RUN = '''run() { n=$1; shift; "$@" >$n.out 2>$n.err; echo $? >$n.rc; }
objects() { bpftool prog list; bpftool map list; }
'''
RECORD = RUN + '''run before objects
run doctor anonvma doctor --full
run record anonvma record --truth -o record.trace -- sh -c "ls -l /bin >/dev/null; (ls /; cat /proc/self/maps) | sort >/dev/null; sh -c true"
[ ! -f record.trace ] || { run info anonvma info --full record.trace; run verify anonvma verify --full record.trace; }
run after objects
'''
CLOCK = RUN + '''run record anonvma record --truth --rotate-time 0.4 -o record.trace -- sh -c \\
  "ls -lR /bin >/dev/null; date -s 2031-01-01; ls -lR /bin >/dev/null; date -s 2001-01-01; ls -lR /bin >/dev/null; date"
for part in record.*.trace; do
  anonvma check $part && anonvma verify --full $part || echo "FAILED $part"
done >verify.out 2>verify.err
'''


def life(thread_operations, programs, thp='', seconds=600):
    """A recording of life.sh, compared with the kernel; programs that once differed, and random programs.

    `programs` are options for the random ones. They end in time for a last comparison before the guest has run
    for `seconds`."""
    job = RUN
    if thp:
        job += f'echo {thp} >/sys/kernel/mm/transparent_hugepage/enabled || exit 1\n'
    job += 'run doctor anonvma doctor --json\n'
    if thread_operations:
        job += f'''run record anonvma record --truth --ring-mib 128 -o life.trace -- life.sh {thread_operations}
[ ! -f life.trace ] || {{ run info anonvma info --json life.trace; run verify anonvma verify --json life.trace; }}
'''
    if programs:
        differential = 'test_differential --anonvma /payload/anonvma --target /payload/differential_target'
        job += f'''run replays {differential} --program /payload/programs/*.txt
left=$(({int(seconds)} - 150 - $(cut -d. -f1 /proc/uptime))); [ $left -gt 30 ] || left=30
run programs {differential} --seconds $left {programs}
'''
    return job


def corners(names):
    """Each corner case of test/live/corners, or these, recorded and compared; the traces of those that differ."""
    return RUN + f"""run doctor anonvma doctor --json
mkdir traces
CORNERS_KEEP=traces run corners bash /payload/corners.sh /payload/anonvma /payload/live_corners {names}
"""


def program(arch, tests=False, more=()):
    """The program, `more` programs and bpftool, with their libraries; and the programs that life() runs."""
    build = os.path.join(ROOT, 'build', 'release' if arch == 'amd64' else 'arm64')
    payload = {}
    for name in ('anonvma', *more, *(TESTS if tests else ())):
        path = os.path.join(build, name)
        if not os.path.exists(path):
            raise Unavailable(f'{os.path.relpath(path, ROOT)} is not built')
        payload.update(with_libraries(path))
    if tests:
        payload['payload/life.sh'] = os.path.join(ROOT, 'scripts', 'vm', 'life.sh')
        payload['payload/corners.sh'] = os.path.join(ROOT, 'test', 'live', 'corners', 'corners.sh')
        payload['bin/bash'] = static_program('bash', arch)
        for path in glob.glob(os.path.join(ROOT, 'test', 'differential', 'programs', '*.txt')):
            payload['payload/programs/' + os.path.basename(path)] = path
    bpftool = shutil.which('bpftool', path=os.environ.get('PATH', '') + ':/usr/sbin')
    if arch == 'amd64' and bpftool:
        payload.update(with_libraries(bpftool))
    return payload
