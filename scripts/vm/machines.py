"""Guests that are other machines than most: with tags, more address bits, CPUs that come and go, 32-bit programs."""
import dataclasses
import os
import re
import shutil
import struct
import subprocess

from vm.guest import boot
from vm.jobs import OUT, ROOT, RUN, program
from vm.packages import KERNELS, Unavailable

COMPILERS = {'amd64': ('gcc', '-m32'), 'arm64': ('arm-linux-gnueabihf-gcc', '-marm')}
FREESTANDING = ('-O1', '-nostdlib', '-static', '-ffreestanding', '-fno-builtin', '-fno-pie', '-no-pie',
                '-fno-stack-protector', '-fno-asynchronous-unwind-tables')
FAULT = re.compile(r' fault addr=0x7000[0-9a-f]{6} flags=0x([0-9a-f]+)')  # in kArea of live_machines


@dataclasses.dataclass(frozen=True)
class Machine:
    kernel: str
    command: str  # a case of live_machines, or words32
    words: str = ''  # of the kernel's command line
    qemu: tuple = ()
    before: str = ''  # shell, before the recording
    header: dict = dataclasses.field(default_factory=dict)  # what `info` must say
    may_lose: bool = False  # as long as it says so
    lame_cpu: int = 0  # of arm64: a CPU that the firmware cannot start, so that no number is its own


MAX = ('-cpu', 'max,pauth-impdef=on')
MTE = ('-M', 'virt,mte=on', *MAX)
OFFLINE = 'echo 0 >/sys/devices/system/cpu/cpu1/online'
MACHINES = {
    'la57': Machine('x6.18', 'live_machines high_addresses 47', qemu=('-cpu', 'max,la57=on')),
    'va52': Machine('a6.18', 'live_machines high_addresses 48', qemu=MAX),
    'stack-guard-1': Machine('x6.18', 'live_machines stack_guard 1', 'stack_guard_gap=1',
                             header={'stack_guard_pages': 1}),
    'stack-guard-1024': Machine('x6.18', 'live_machines stack_guard 1024', 'stack_guard_gap=1024',
                                header={'stack_guard_pages': 1024}),
    'huge-16k': Machine('a6.12-16k', 'live_machines huge_pages',
                        header={'page_size': 16384, 'huge_page_bytes': 32 << 20}),
    'huge-1g': Machine('x6.18', 'live_machines huge_pages', 'default_hugepagesz=1G',
                       header={'huge_page_bytes': 1 << 30}),
    'cpus-600': Machine('x6.18', 'live_machines on_cpu 1', 'possible_cpus=600', ('-m', '2048')),
    'cpus-hole': Machine('a6.18', 'live_machines on_cpu 2', qemu=('-smp', '3'), lame_cpu=1),
    'cpus-late-x86': Machine('x6.18', 'live_machines patient_hotplug 1', before=OFFLINE),
    'cpus-late': Machine('a6.18', 'live_machines patient_hotplug 1', before=OFFLINE),
    'cpus-hasty': Machine('a6.18', 'live_machines hasty_hotplug 1', before=OFFLINE, may_lose=True),
    'tags': Machine('a6.18', 'live_machines tagged_pointers'),
    'mte': Machine('a6.18', 'live_machines arm64_protections', qemu=MTE),
    'mte-life': Machine('a6.18', 'life.sh 60', qemu=MTE),
    'words32-5.10': Machine('x5.10', 'words32'),
    'words32': Machine('x6.18', 'words32'),
    'words32-arm': Machine('a6.18', 'words32'),
}


def words32(arch):
    """test/vm/programs/words32.c as a program of 32 bits that kernels of this architecture run."""
    compiler, *options = COMPILERS[arch]
    if not shutil.which(compiler):
        raise Unavailable(f'{compiler} is not installed')
    path = os.path.join(OUT, f'words32-{arch}', 'words32')
    os.makedirs(os.path.dirname(path), exist_ok=True)
    source = os.path.join(ROOT, 'test', 'vm', 'programs', 'words32.c')
    subprocess.run([compiler, *options, *FREESTANDING, '-o', path, source], check=True)
    return path


def with_lame_cpu(qemu, cpu):
    """The options, and QEMU's own device tree of them where the CPU's enable-method is unknown."""
    path = os.path.join(OUT, f'lame-cpu-{cpu}.dtb')
    os.makedirs(OUT, exist_ok=True)
    subprocess.run(['qemu-system-aarch64', '-M', f'virt,dumpdtb={path}', '-cpu', 'neoverse-n1', '-m', '768', *qemu,
                    '-display', 'none'], check=True, capture_output=True)
    with open(path, 'rb') as f:
        tree = bytearray(f.read())
    method = tree.index(b'psci\0', tree.index(b'cpu@%d\0' % cpu))
    tree[method:method + 5] = b'lame\0'
    # QEMU leaves room behind it, and Linux takes no tree of more than 2 MiB.
    begin, strings, strings_size, size = (struct.unpack_from('>I', tree, at)[0] for at in (8, 12, 32, 36))
    end = max(begin + size, strings + strings_size)
    struct.pack_into('>I', tree, 4, end)
    with open(path, 'wb') as f:
        f.write(tree[:end])
    return (*qemu, '-dtb', path)


def output(*command):
    """(status, output) of the program of this machine."""
    done = subprocess.run([os.path.join(ROOT, 'build', 'release', 'anonvma'), *command], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def read(path):
    if not os.path.exists(path):
        return ''
    with open(path, errors='replace') as f:
        return f.read()


def faults_of(machine, out, text):
    """The faults of the recording: the sentence, and whether none is missing."""
    said = re.search(r'^faults (\d+)', read(f'{out}/record.out'), re.M)
    wanted = int(said[1]) if said else 0
    lost = re.search(r'(\d+) records? (?:was|were) lost|lost (\d+)', text)
    seen = sum(int(flags, 16) & 1 for flags in FAULT.findall(output('dump', f'{out}/record.trace')[1]))
    lost = int(next(n for n in lost.groups() if n)) if lost else 0
    enough = seen >= wanted or (machine.may_lose and lost > 0)
    return f'{seen} of {wanted} write faults, lost {lost}', enough and (machine.may_lose or lost == 0)


def run(name, kvm):
    """Boots the machine and records its program there; True if the model is equal and no fault is missing."""
    machine = MACHINES[name]
    arch, folder = KERNELS[machine.kernel].arch, os.path.join(OUT, 'machine-' + name)
    payload, qemu = program(arch, machine.command.startswith('life.sh'), ('test/live/live_machines',)), machine.qemu
    if machine.command == 'words32':
        payload['payload/words32'] = words32(arch)
    if machine.lame_cpu:
        qemu = with_lame_cpu(qemu, machine.lame_cpu)
    job = RUN + f'{machine.before}\nrun doctor anonvma doctor --full\n' \
        f'run record anonvma record --truth --ring-mib 64 -o record.trace -- {machine.command}\n' \
        'cat /proc/cmdline /sys/devices/system/cpu/possible >machine.out\n'
    status, why = boot(machine.kernel, folder, payload, job, machine.words, kvm=kvm, more=qemu)
    out = folder + '/out'
    recorded, text = read(f'{out}/record.rc').strip(), read(f'{out}/record.err')
    equal, verdict = output('verify', '--full', f'{out}/record.trace')
    info = output('info', '--json', f'{out}/record.trace')[1]
    good = status == 0 and recorded in (('0', '3') if machine.may_lose else ('0',))
    good &= equal == 0 or (machine.may_lose and recorded == '3' and equal == 3)
    for key, value in machine.header.items():
        good &= f'"{key}":{value}' in info.replace(' ', '')
    faults, complete = faults_of(machine, out, text)
    good &= complete
    last = [line for line in verdict.strip().splitlines() if line][-1:]
    print(f'{name}: {machine.kernel} {machine.words} {why}: {machine.command}: record {recorded}, verify {equal}, '
          f'{faults}: {"ok" if good else "FAILED"}\n  ' + ' | '.join(text.strip().splitlines()[-2:] + last), flush=True)
    return good
