"""Debian's kernels, each fetched once into the cache through an apt state of its own."""
import contextlib
import dataclasses
import fcntl
import glob
import json
import lzma
import os
import re
import shutil
import subprocess
import tempfile
import time

from vm import own

CACHE = os.environ.get('VMTEST_CACHE') or os.path.join(
    os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'anonvma', 'vmtest')
KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
INDEX_DAYS = 7


class Unavailable(Exception):
    """The kernel or a tool cannot be had here: not a failure of the tested program."""


@dataclasses.dataclass(frozen=True)
class Kernel:
    arch: str
    meta: str  # the package that depends on the newest of its flavour
    suites: tuple  # tried in this order
    release: str = ''  # regular expression, where the suite has several releases
    source: str = ''  # a package with the source: the kernel is built here (vm/own.py)
    config: tuple = ()  # names of test/vm/configs, if so
    make: tuple = ()  # arguments of make, if so
    words: str = ''  # for its command line


CLOUD_X86, CLOUD_ARM = ('amd64', 'linux-image-cloud-amd64'), ('arm64', 'linux-image-cloud-arm64')
KERNELS = {
    'x5.10': Kernel(*CLOUD_X86, ('bullseye-security', 'bullseye')),
    'x6.1': Kernel(*CLOUD_X86, ('bookworm-security', 'bookworm')),
    'x6.12': Kernel(*CLOUD_X86, ('trixie-security', 'trixie')),
    'x6.16': Kernel(*CLOUD_X86, ('trixie-backports',), r'6\.16\.'),
    'x6.18': Kernel(*CLOUD_X86, ('trixie-backports',), r'6\.18\.'),
    'x7.x': Kernel(*CLOUD_X86, ('trixie-backports', 'forky')),
    'a5.10': Kernel(*CLOUD_ARM, ('bullseye-security', 'bullseye')),
    'a6.1': Kernel(*CLOUD_ARM, ('bookworm-security', 'bookworm')),
    'a6.12': Kernel(*CLOUD_ARM, ('trixie-security', 'trixie')),
    'a6.12-16k': Kernel('arm64', 'linux-image-arm64-16k', ('trixie-security', 'trixie')),
    'a6.18': Kernel(*CLOUD_ARM, ('trixie-backports',), r'6\.18\.'),
    'a7.x': Kernel(*CLOUD_ARM, ('trixie-backports', 'forky')),
}
# The releases in between. Some have only the image left, without modules.
for release in ('6.17', '6.19', '7.0', '7.1', '7.2'):
    for letter, cloud in (('x', CLOUD_X86), ('a', CLOUD_ARM)):
        KERNELS[letter + release] = Kernel(*cloud, ('trixie-backports',), release.replace('.', r'\.') + r'\.')
# PREEMPT_RT.
for name, *suites in (('5.10', 'bullseye-security', 'bullseye'), ('6.1', 'bookworm-security', 'bookworm'),
                      ('6.12', 'trixie-security', 'trixie'), ('7.x', 'trixie-backports', 'forky')):
    for letter, arch in (('x', 'amd64'), ('a', 'arm64')):
        KERNELS[f'{letter}{name}-rt'] = Kernel(arch, 'linux-image-rt-' + arch, tuple(suites))
# Other objects in the slabs and other members in the tasks: what the command line can change.
ODD = 'slub_debug=FZPU randomize_kstack_offset=on init_on_alloc=1 cgroup_disable=memory numa=off transparent_hugepage=never'
KERNELS['x6.12-odd'] = dataclasses.replace(KERNELS['x6.12'], words=ODD + ' preempt=none')
KERNELS['x7.x-odd'] = dataclasses.replace(KERNELS['x7.x'], words=ODD + ' preempt=full')
DEBIAN = tuple(KERNELS)
# Kernels of our own: the release and the configuration are in the name. More arguments of make follow the suite.
ARM64_CROSS = ('ARCH=arm64', 'CROSS_COMPILE=aarch64-linux-gnu-')
for name, suite, *make in (
        ('x7.3-full', 'trixie-backports'), ('x7.3-small', 'trixie-backports'), ('x7.3-debug', 'trixie-backports'),
        ('x7.3-clang', 'trixie-backports', 'LLVM=-19'), ('a7.3-full', 'trixie-backports', *ARM64_CROSS),
        ('x6.12-none', 'trixie-security')):
    release, config = name[1:].split('-')
    KERNELS[name] = Kernel('amd64' if name[0] == 'x' else 'arm64', '', (suite,), source='linux-source-' + release,
                           config=(config,) if name[0] == 'x' else ('arm64', config), make=tuple(make))
MODULES = ('virtio_pci', 'virtio_blk')  # for the disk that brings results back; built in, on some


def tool(*command, **options):
    """The tool's output; Unavailable where it is missing or fails."""
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout
    except FileNotFoundError:
        raise Unavailable(f'{command[0]} is not installed') from None
    except subprocess.CalledProcessError as error:
        reason = [line for line in error.stderr.splitlines() if not line.startswith('W:')]
        raise Unavailable(f'{" ".join(command[:2])}: {" ".join(reason)[-200:]}') from None


def mirror(suite):
    """The sources of the machine's own apt; no host name is written here."""
    if os.environ.get('VMTEST_MIRROR'):
        return os.environ['VMTEST_MIRROR'] + ('/debian-security' if suite.endswith('-security') else '/debian')
    listed = tool('apt-get', 'indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages').split()
    for uri in listed:
        if uri.rstrip('/').endswith('/debian'):
            uri = uri.rstrip('/')
            return uri + '-security' if suite.endswith('-security') else uri
    raise Unavailable('no Debian mirror in the apt configuration: set VMTEST_MIRROR')


def apt(suite, arch):
    """The environment in which apt-get and apt-cache see only this suite and architecture."""
    base = os.path.join(CACHE, 'apt', f'{suite}-{arch}')
    conf, stamp = os.path.join(base, 'apt.conf'), os.path.join(base, 'stamp')
    env = dict(os.environ, APT_CONFIG=conf)
    if os.path.exists(stamp) and time.time() - os.path.getmtime(stamp) < INDEX_DAYS * 86400:
        return env
    with alone():
        for folder in ('state/lists/partial', 'cache/archives/partial', 'empty'):
            os.makedirs(os.path.join(base, folder), exist_ok=True)
        open(os.path.join(base, 'status'), 'w').close()
        with open(os.path.join(base, 'sources.list'), 'w') as f:
            f.write(f'deb [signed-by={KEYRING} arch={arch}] {mirror(suite)} {suite} main\n')
        with open(conf, 'w') as f:
            f.write(f'''Dir::State "{base}/state"; Dir::State::status "{base}/status"; Dir::Cache "{base}/cache";
Dir::Etc::sourcelist "{base}/sources.list"; Dir::Etc::sourceparts "{base}/empty";
Dir::Etc::preferencesparts "{base}/empty"; APT::Architecture "{arch}"; APT::Architectures {{ "{arch}"; }};
Acquire::Languages "none"; Acquire::Check-Valid-Until "false"; APT::Sandbox::User "";
''')
        tool('apt-get', '-qq', 'update', env=env)
        open(stamp, 'w').close()
    return env


def numbers(text):
    return [int(n) for n in re.findall(r'\d+', text)]


def packages_of(kernel, env):
    """The image's package, and the packages that newer releases have split off it."""
    depends = lambda name: re.findall(r'Depends: (linux-\S+)', tool('apt-cache', 'depends', name, env=env))
    if kernel.release:
        flavour = kernel.meta[len('linux-image-'):]
        pattern = f'linux-image-{kernel.release}[0-9.+a-z]*-{flavour}'
        names = [n for n in tool('apt-cache', 'pkgnames', 'linux-image-', env=env).split()
                 if re.fullmatch(pattern, n)]
    else:
        names = [n for n in depends(kernel.meta) if n.startswith('linux-image-')]
    if not names:
        raise Unavailable(f'no package of {kernel.meta}')
    image = max(names, key=numbers)
    return [image] + [d for d in depends(image) if re.match(r'linux-(binary|modules|base)-\d', d)]


def unpack(names, env, folder):
    with alone():
        tool('apt-get', '-qq', 'download', *names, env=env, cwd=folder)
    for deb in glob.glob(folder + '/*.deb'):
        tool('dpkg-deb', '-x', deb, folder + '/x')
    return folder + '/x'


def found(base, *patterns):
    return [f for p in patterns for f in glob.glob(os.path.join(base, p))]


def first(base, *patterns):
    files = found(base, *patterns)
    if not files:
        raise Unavailable(f'{patterns[0]} is in no package')
    return files[0]


def decompressed(path):
    with open(path, 'rb') as f:
        raw = f.read()
    if path.endswith('.xz'):
        return lzma.decompress(raw)
    if path.endswith('.zst'):
        return subprocess.run(['zstd', '-dc'], input=raw, capture_output=True, check=True).stdout
    return raw


def keep_modules(tree, folder):
    """MODULES and their dependencies, decompressed, with the order to load them in."""
    paths, order = {}, []
    for path in glob.glob(tree + '/**/*.ko*', recursive=True):
        paths[os.path.basename(path).split('.ko')[0].replace('-', '_')] = path

    def keep(name):
        if name in order or name not in paths:  # a module without a file is built in
            return
        raw = decompressed(paths[name])
        depends = re.search(rb'(?:^|\0)depends=([^\0]*)\0', raw)
        for other in depends[1].decode().split(',') if depends else []:
            keep(other.replace('-', '_'))
        with open(f'{folder}/{name}.ko', 'wb') as f:
            f.write(raw)
        order.append(name)
    os.makedirs(folder, exist_ok=True)
    for name in MODULES:
        keep(name)
    with open(folder + '/order', 'w') as f:
        f.write('\n'.join(order) + '\n')


@contextlib.contextmanager
def alone(what='lock'):
    """One process at a time: apt locks its state, and fails if another process has it; nothing is built twice."""
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, what), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fetch(name):
    """The folder with vmlinuz, modules, manifest.json and, if it can be had, config. A fetched kernel never
    changes."""
    kernel, reasons = KERNELS[name], []
    folder = os.path.join(CACHE, 'kernels', f'{name}-{own.key(kernel)}' if kernel.source else name)
    if os.path.exists(folder + '/manifest.json'):
        return folder
    with alone(f'lock-{name}'):
        return fetch_now(kernel, folder, reasons)


def fetch_now(kernel, folder, reasons):
    if os.path.exists(folder + '/manifest.json'):  # another process was faster
        return folder
    for suite in kernel.suites:
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            try:
                if kernel.source:
                    build_own(kernel, suite, work, folder)
                    return folder
                env = apt(suite, kernel.arch)
                names = packages_of(kernel, env)
                tree = unpack(names, env, work)
                os.makedirs(folder, exist_ok=True)
                shutil.copy(first(tree, 'boot/vmlinuz-*', 'usr/lib/modules/*/vmlinuz'), folder + '/vmlinuz')
                for config in found(tree, 'boot/config-*', 'usr/lib/modules/*/config')[:1]:
                    shutil.copy(config, folder + '/config')
                keep_modules(tree, folder + '/modules')
                with open(folder + '/manifest.json', 'w') as f:
                    json.dump({'suite': suite, 'packages': names}, f)
                return folder
            except Unavailable as error:
                reasons.append(f'{suite}: {error}')
    raise Unavailable('; '.join(reasons))


def unpack_source(package, env, work):
    """The tree of a linux-source package, below the folder `work`."""
    tree = unpack([package], env, work)
    tool('tar', '-xf', first(tree, 'usr/src/linux-source-*.tar.xz'), '-C', work)
    return first(work, 'linux-source-*[0-9]')


def build_own(kernel, suite, work, folder):
    if packages := own.missing():
        raise Unavailable(f'{kernel.source} cannot be built: apt-get install {" ".join(packages)}')
    source = unpack_source(kernel.source, apt(suite, 'amd64'), work)
    why = own.build(kernel, source, folder)
    if why:
        raise Unavailable(f'{kernel.source} cannot be built: {why}')
    with open(folder + '/manifest.json', 'w') as f:
        json.dump({'packages': [kernel.source], 'config': kernel.config}, f)


def static_program(name, arch):
    """Debian's NAME-static: a shell for a guest that has no libraries."""
    path = os.path.join(CACHE, f'{name}-{arch}')
    if not os.path.exists(path):
        os.makedirs(CACHE, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            tree = unpack([f'{name}-static'], apt('trixie', arch), work)
            os.rename(first(tree, f'usr/bin/{name}', f'bin/{name}', f'usr/bin/{name}-static', f'bin/{name}-static'), path)
    return path
