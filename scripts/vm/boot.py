"""A Debian with systemd, and its boot recorded from before init.

The root file system needs neither root nor binfmt here: packages from the mirror are unpacked into an image,
and dpkg installs them there in an x86_64 guest. The resulting /etc and /var are the same on every
architecture, so a second one takes them from the first image. Images stay in the cache.
"""
import json
import os
import re
import shutil
import subprocess
import tempfile
import zlib

from vm.guest import MOUNTS, boot
from vm.jobs import OUT, ROOT, program
from vm.packages import CACHE, KERNELS, Unavailable, apt, tool

SUITE = 'trixie'
FIRST = 'x6.18'  # the kernel that installs
PACKAGES = ('?essential', 'systemd-sysv', 'udev', 'dbus', 'kmod', 'procps', 'login', 'cron')
IMAGE_BYTES = 768 << 20  # sparse

NO_DOCS = ''.join(f'path-exclude=/usr/share/{d}/*\n' for d in ('doc', 'man', 'info', 'locale', 'lintian'))
# The packages are unpacked already, but the files belong to the user who unpacked them, and dpkg does not know them.
INSTALL = '''set -e
mount -t ext4 /dev/vdb /mnt
chown -R 0:0 /mnt
for d in proc sys dev; do mount --bind /$d /mnt/$d; done
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true
printf '#!/bin/sh\\nexit 101\\n' >/mnt/usr/sbin/policy-rc.d
chmod 755 /mnt/usr/sbin/policy-rc.d
chroot /mnt /bin/sh -c 'dpkg --unpack --force-depends --force-unsafe-io /debs/*.deb' >unpack.log 2>&1
chroot /mnt /usr/bin/dpkg --configure --pending --force-unsafe-io >configure.log 2>&1
chroot /mnt /usr/bin/dpkg-query -W >packages
rm -r /mnt/debs /mnt/usr/sbin/policy-rc.d
umount /mnt/proc /mnt/sys /mnt/dev /mnt
'''
HWDB = 'usr/lib/udev/hwdb.bin'  # of udev; without it the first boot makes it
TAKE_OVER = '''set -e
mount -t ext4 /dev/vdb /mnt
chown -R 0:0 /mnt
chroot /mnt /sbin/ldconfig
umount /mnt
'''

# The recorder survives the switch of the root. Its files in the initramfs are deleted, and its folder in /run
# moves along.
INIT = MOUNTS + r'''
mount -t ext4 /dev/vdb /mnt || { echo "@@RC 71"; poweroff -f; }
mount -t tmpfs -o mode=755 run /run
mkdir /run/anonvma
cd /run/anonvma
uname -a >uname
(anonvma record --truth -o boot.trace >record.out 2>record.err; echo $? >record.rc) &
# The header is written when all programs are attached and all live processes are read.
i=0; while [ ! -s boot.trace ] && [ $i -lt 9000 ]; do sleep 0.1; i=$((i+1)); done
pidof anonvma >pid
mkdir -p /mnt/usr/local/sbin /mnt/etc/systemd/system-generators
cp /end.sh /mnt/usr/local/sbin/anonvma-end
# All generators together have 90 s, and this machine may need them for their start alone: unused ones go.
[ "$(uname -m)" = x86_64 ] || for g in debug gpt-auto hibernate-resume rc-local run ssh system-update sysv tpm2; do
  ln -s /dev/null /mnt/etc/systemd/system-generators/systemd-$g-generator
done
cp /end.service /mnt/etc/systemd/system/anonvma-end.service
mkdir -p /mnt/etc/systemd/system/multi-user.target.wants
ln -s ../anonvma-end.service /mnt/etc/systemd/system/multi-user.target.wants/
cd /
mount --move /run /mnt/run
exec switch_root /mnt /lib/systemd/systemd
'''
PATIENCE = 'systemd.default_timeout_start_sec=900 systemd.default_device_timeout_sec=900'
UNIT = '''[Unit]
Description=The end of the recording
After=multi-user.target
[Service]
ExecStart=/usr/local/sbin/anonvma-end
'''
# The commands that show that all is up run after the recording, so as not to be in it.
END = r'''#!/bin/sh
cd /run/anonvma
systemctl is-system-running --wait >state
sleep 5
cat /proc/slabinfo >slabinfo
kill -TERM $(cat pid)
while [ ! -s record.rc ]; do sleep 0.2; done
systemctl list-units --all --no-pager >units
systemctl list-jobs --no-pager >jobs
systemd-analyze --no-pager >analyze
ps axo pid,ppid,rss,args >processes
journalctl --no-pager -b >journal
tar cf /dev/vda . && sync
echo "@@RC $(cat record.rc)" >/dev/console
poweroff -f
'''


def unpacked(arch, folder):
    """Unpacks the packages into folder/tree, and keeps them in folder/tree/debs."""
    env, tree = apt(SUITE, arch), folder + '/tree'
    os.makedirs(tree + '/debs')
    listed = tool('apt-get', '-s', '--no-install-recommends', 'install', *PACKAGES, env=env)
    names = re.findall(r'^Inst (\S+)', listed, re.M)
    tool('apt-get', '-qq', 'download', *names, env=env, cwd=tree + '/debs')
    debs = sorted(os.listdir(tree + '/debs'), key=lambda name: (not name.startswith('base-files_'), name))
    for deb in debs:  # base-files is first: it has the links of /bin, /lib and /sbin
        tool('dpkg-deb', '-x', f'{tree}/debs/{deb}', tree)
    return tree


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as f:
        f.write(text)


def e2fs(name):
    path = shutil.which(name, path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
    if not path:
        raise Unavailable(f'{name} is not installed: Debian has it in e2fsprogs')
    return path


def take_configuration(image, tree):
    """Copies the results of maintainer scripts in /etc and /var and udev's database from an installed image."""
    for folder in ('etc', 'var'):
        shutil.rmtree(f'{tree}/{folder}')
        subprocess.run([e2fs('debugfs'), '-R', f'rdump /{folder} {tree}', image], capture_output=True)
    subprocess.run([e2fs('debugfs'), '-R', f'dump /{HWDB} {tree}/{HWDB}', image], capture_output=True)
    if not os.path.exists(tree + '/etc/passwd') or not os.path.exists(f'{tree}/{HWDB}'):
        raise Unavailable(f'debugfs could not read {image}')
    write(tree + '/packages', '\n'.join(sorted(os.listdir(tree + '/debs'))) + '\n')
    shutil.rmtree(tree + '/debs')
    os.remove(tree + '/etc/ld.so.cache')


def root_image(name, kvm):
    """The image of an installed system for the architecture of kernel `name`."""
    arch = KERNELS[name].arch
    installs = arch == 'amd64'
    key = zlib.crc32(repr((SUITE, PACKAGES, INSTALL, NO_DOCS) + (() if installs else (TAKE_OVER, HWDB))).encode())
    image = os.path.join(CACHE, f'systemd-{arch}-{key:08x}.img')
    if os.path.exists(image):
        return image
    mke2fs = e2fs('mke2fs')
    os.makedirs(CACHE, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as work:
        tree, new = unpacked(arch, work), work + '/image'
        if installs:
            write(tree + '/etc/dpkg/dpkg.cfg.d/no-docs', NO_DOCS)
            write(tree + '/etc/hostname', 'debian\n')
        else:
            take_configuration(root_image(FIRST, kvm), tree)
        tool(mke2fs, '-q', '-t', 'ext4', '-d', tree, new, str(IMAGE_BYTES // 1024) + 'k')
        status, why = boot(name, work + '/install', {}, INSTALL if installs else TAKE_OVER, seconds=3600, kvm=kvm,
                           more=drive(new))
        if status != 0:
            kept = os.path.join(CACHE, f'systemd-{arch}-failed')
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(work + '/install', kept)
            raise Unavailable(f'installing {arch} packages in the guest failed: {why or kept}')
        shutil.copy(work + '/install/out/packages' if installs else tree + '/packages', image + '.packages')
        os.rename(new, image)
    return image


def drive(image, *options):
    """The image for the guest's /dev/vdb."""
    return ['-m', '1024', '-drive', ','.join((f'file={image}', 'format=raw', 'if=virtio', 'cache=unsafe', *options))]


def systemd(name, kvm):
    """Boots the image under kernel `name`, recorded; True if all of it is there and equal to the kernel."""
    here = os.path.join(ROOT, 'build', 'release', 'anonvma')
    if not os.path.exists(here):
        raise Unavailable('build/release/anonvma is not built')
    folder, image = os.path.join(OUT, name + '-boot'), root_image(name, kvm)
    files = {'end.sh': (0o100755, END), 'end.service': (0o100644, UNIT)}
    status, why = boot(name, folder, program(KERNELS[name].arch), '', PATIENCE, 1500, kvm, INIT, files,
                       drive(image, 'snapshot=on'))
    out, trace = folder + '/out', folder + '/out/boot.trace'
    print(f'{name}: {why or "guest done"}')
    if not os.path.exists(trace):
        return False
    shutil.copy(image + '.packages', out + '/packages')
    for log in ('state', 'analyze', 'record.err'):
        with open(f'{out}/{log}', errors='replace') as f:
            print('  ' + f.read().strip().replace('\n', '; '))
    good = status == 0
    for step in (['info', '--full'], ['verify', '--full'], ['compare', '--full', '--strategies', 'all']):
        done = subprocess.run([here, step[0], trace, *step[1:]], capture_output=True, text=True)
        with open(f'{out}/{step[0]}.txt', 'w') as f:
            f.write(done.stdout + done.stderr)
        good &= done.returncode == 0
        if step[0] != 'info':
            print(done.stdout + done.stderr, end='')
    return good
