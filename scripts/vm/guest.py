"""A guest: an initramfs with the payload and a job, QEMU, and the result."""
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import threading
import time

from vm.packages import KERNELS, Unavailable, fetch, static_program

BOOT_SECONDS = 240  # forty times the slowest boot on an idle machine
CPU = os.environ.get('VMTEST_CPU', 'max,la57=off')  # of x86_64
STOP = threading.Event()  # ends all guests

MOUNTS = r'''#!/bin/busybox sh
export PATH=/payload:/bin HOME=/
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev
ln -s /proc/self/fd /dev/fd
mount -t tracefs tracefs /sys/kernel/tracing; mount -t securityfs securityfs /sys/kernel/security
mount -t tmpfs tmpfs /tmp
mkdir -p /out; mount -t tmpfs tmpfs /out
echo "@@UP $(uname -r)"
for m in $(cat /modules/order); do insmod /modules/$m.ko || echo "@@INSMOD-FAIL $m"; done
out=/dev/vda; [ -f /modules/virtio_blk.ko ] || out=/dev/vport0p1
i=0; while [ ! -e $out ] && [ $i -lt 50 ]; do sleep 0.1; i=$((i+1)); done
'''
INIT = MOUNTS + r'''
cd /out && timeout SECONDS sh /job.sh; rc=$?  # a job that hangs still brings back what it has
cd /out && tar cf - . >$out && sync
echo "@@RC $rc"
poweroff -f
'''


def with_libraries(path):
    """The program and the shared libraries it loads, by their path in the guest."""
    files = {'payload/' + os.path.basename(path): path}
    text = subprocess.run(['ldd', path], capture_output=True, text=True).stdout  # nothing, if static
    for library in re.findall(r'(/\S+) \(0x', text):
        files[library.lstrip('/')] = library
    return files


def cpio(files):
    """An initramfs: `files` maps a path to (mode, bytes). The "newc" form needs no tool and no root."""
    out, inode = io.BytesIO(), 0

    def entry(name, mode, data):
        nonlocal inode
        inode += 1
        fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        out.write(b'070701' + b''.join(b'%08X' % x for x in fields) + name.encode() + b'\0')
        out.write(b'\0' * (-out.tell() % 4) + data)
        out.write(b'\0' * (-out.tell() % 4))
    folders = {'bin', 'proc', 'sys', 'dev', 'tmp', 'mnt', 'run', 'var', 'var/tmp'}
    for path in files:
        while path := os.path.dirname(path):
            folders.add(path)
    for folder in sorted(folders):
        entry(folder, 0o40755, b'')
    for path, (mode, data) in sorted(files.items()):
        entry(path, mode, data)
    entry('TRAILER!!!', 0, b'')
    return gzip.compress(out.getvalue(), 1)


def write_initramfs(path, kernel_folder, arch, payload, texts):
    files = {name: (mode, text.encode()) for name, (mode, text) in texts.items()}
    payload = {**payload, 'bin/busybox': static_program('busybox', arch)}
    for module in os.listdir(kernel_folder + '/modules'):
        payload['modules/' + module] = f'{kernel_folder}/modules/{module}'
    for name, source in payload.items():
        with open(source, 'rb') as f:
            files[name] = (0o100755, f.read())
    with open(path, 'wb') as f:
        f.write(cpio(files))


def qemu(arch, kvm, turns):
    if arch == 'amd64':
        machine, console = ['qemu-system-x86_64', '-M', 'q35', '-cpu', 'host' if kvm else CPU], 'ttyS0'
    else:  # neoverse-n1 has pages of 16 KiB, too
        machine, console = ['qemu-system-aarch64', '-M', 'virt', '-cpu', 'host' if kvm else 'neoverse-n1'], 'ttyAMA0'
    if not shutil.which(machine[0]):
        package = 'qemu-system-x86' if arch == 'amd64' else 'qemu-system-arm'
        raise Unavailable(f'{machine[0]} is not installed: Debian has it in {package}')
    tcg = 'tcg,thread=' + ('single' if turns else 'multi')
    return machine + ['-accel', 'kvm' if kvm else tcg], console


def boot(name, folder, payload, job, words='', seconds=600, kvm=False, init=INIT, files=(), more=(),
         turns=False):
    """Boots kernel `name`, runs `job` (shell) in the guest and returns (its status or None, why).

    `payload` maps a path in the guest to a file here. Files in the job's working directory are brought back
    into `folder`/out; `folder`/guest.json holds the kernel and the time. The status is None if the guest did
    not get to the end. Another `init` may do something else than running the job; `files` maps a path to
    (mode, text), `more` goes to QEMU. With `turns` the emulated CPUs run one at a time: a program that is attached
    a hundred times makes the kernel patch its code as often, and TCG cannot do that beside another CPU."""
    kernel, kernel_folder = KERNELS[name], fetch(name)
    machine, console = qemu(kernel.arch, kvm, turns)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder + '/out')
    initrd, disk, log = folder + '/initrd', folder + '/disk', folder + '/console.log'
    init = init.replace('SECONDS', str(int(max(seconds - 60, 30))))
    texts = {'init': (0o100755, init), 'job.sh': (0o100644, job), **dict(files)}
    write_initramfs(initrd, kernel_folder, kernel.arch, payload, texts)
    with open(disk, 'wb') as f:
        f.truncate(256 << 20)  # sparse
    append = (f'console={console} quiet panic=-1 oops=panic edd=off nowatchdog random.trust_cpu=on '
              f'slab_nomerge no_timer_check {kernel.words} {words}')
    command = machine + [
        '-m', '768', '-smp', '2', '-nodefaults', '-no-user-config', '-display', 'none', '-monitor', 'none',
        '-no-reboot', '-kernel', kernel_folder + '/vmlinuz', '-initrd', initrd, '-append', append,
        '-serial', f'file:{log}']
    if os.path.exists(kernel_folder + '/modules/virtio_blk.ko'):
        command += ['-drive', f'file={disk},format=raw,if=virtio,cache=unsafe']
    else:  # this kernel has no modules here, and a port needs none
        command += ['-device', 'virtio-serial-pci', '-chardev', f'file,id=out,path={disk}',
                    '-device', 'virtserialport,chardev=out,nr=1']
    command += more
    begin = time.monotonic()
    # On a busy machine x86's timers may not be found, and the boot hangs; or one cpu of TCG runs code that the
    # other is patching, and the kernel panics.
    for _ in range(3):
        text, why = wait_for_guest(command, log, folder + '/qemu.err', seconds)
        if '@@UP' in text or (why and not why.startswith('no boot')):
            break
    subprocess.run(['tar', '-C', folder + '/out', '-xf', disk], capture_output=True)
    os.remove(disk)
    os.remove(initrd)
    up, ended = re.search(r'@@UP (\S+)', text), re.search(r'@@RC (\d+)', text)
    with open(folder + '/guest.json', 'w') as f:
        json.dump({'name': os.path.basename(folder), 'release': up[1] if up else '', 'seconds':
                   round(time.monotonic() - begin, 1), 'arch': 'x86_64' if kernel.arch == 'amd64' else 'arm64'}, f)
    if not why and not ended:
        with open(folder + '/qemu.err', errors='replace') as f:
            why = f'the guest died: {f.read().strip() or log}'
    return int(ended[1]) if ended else None, why


def wait_for_guest(command, log, errors, seconds):
    """Runs QEMU to its end, or to the end of its time; the console's text and what went wrong."""
    def console():
        if not os.path.exists(log):
            return ''
        with open(log, 'rb') as f:
            return f.read().decode('latin1')
    begin, why = time.monotonic(), ''
    with open(errors, 'wb') as err:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=err)
    try:
        while child.poll() is None and not why:
            time.sleep(0.2)
            spent = time.monotonic() - begin
            if spent > BOOT_SECONDS and '@@UP' not in console():
                why = f'no boot in {BOOT_SECONDS} s'
            elif spent > seconds:
                why = f'not done in {seconds:.0f} s'
            elif STOP.is_set():
                why = 'stopped'
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()
    return console(), why
