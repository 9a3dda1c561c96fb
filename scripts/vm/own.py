"""Kernels of our own: built from Debian's source package, with options that Debian leaves out."""
import hashlib
import os
import re
import shutil
import subprocess

CONFIGS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'test', 'vm', 'configs')

# What builds a kernel, beside a compiler: the program, and Debian's package.
TOOLS = {'flex': 'flex', 'bison': 'bison', 'bc': 'bc', 'pahole': 'dwarves', 'make': 'make'}
HEADERS = {'libelf.h': 'libelf-dev', 'openssl/ssl.h': 'libssl-dev'}
IMAGES = {'amd64': ('bzImage', 'arch/x86/boot/bzImage'), 'arm64': ('Image', 'arch/arm64/boot/Image')}


def fragments(config):
    return [os.path.join(CONFIGS, name + '.config') for name in ('base',) + config]


def key(kernel):
    """Changes with the source package and with the configuration."""
    digest = hashlib.sha256(' '.join((kernel.source, *kernel.make)).encode())
    for path in fragments(kernel.config):
        with open(path, 'rb') as f:
            digest.update(f.read())
    return digest.hexdigest()[:12]


def dropped(kernel, path):
    """The options of the configurations that the kernel's .config at `path` does not have."""
    wanted = {}
    for fragment in fragments(kernel.config):
        wanted.update(options(fragment))
    got = options(path)
    return [name for name, value in wanted.items() if got.get(name, 'n') != value]


def options(path):
    """The options of a configuration: `# CONFIG_X is not set` is n."""
    with open(path) as f:
        found = re.findall(r'^(?:(CONFIG_\w+)=(\S+)|# (CONFIG_\w+) is not set)$', f.read(), re.M)
    return {name or off: value or 'n' for name, value, off in found}


def missing():
    """Debian's packages that are needed to build a kernel and are not here."""
    return ([package for program, package in TOOLS.items() if not shutil.which(program)] +
            [package for header, package in HEADERS.items() if not os.path.exists('/usr/include/' + header)])


def build(kernel, source, folder):
    """Builds the kernel in the unpacked tree `source`; vmlinuz and config go to `folder`. An error tells the step."""
    def make(*arguments):
        run = subprocess.run(['make', '-s', f'-j{os.cpu_count()}', *kernel.make, *arguments], cwd=source,
                             capture_output=True, text=True)
        if run.returncode != 0:
            return f'make {arguments[0]}: {" ".join(run.stderr.split())[-300:]}'
        return ''
    merge = ['scripts/kconfig/merge_config.sh', '-m', '.config', *map(os.path.abspath, fragments(kernel.config))]
    target, image = IMAGES[kernel.arch]
    for step in (lambda: make('tinyconfig'),
                 lambda: '' if subprocess.run(merge, cwd=source, capture_output=True).returncode == 0 else merge[0],
                 lambda: make('olddefconfig'),
                 lambda: 'no such option here: ' * bool(lost := dropped(kernel, source + '/.config')) + ' '.join(lost),
                 lambda: make(target)):
        if why := step():
            return why
    os.makedirs(folder + '/modules', exist_ok=True)
    open(folder + '/modules/order', 'w').close()
    shutil.copy(f'{source}/{image}', folder + '/vmlinuz')
    shutil.copy(source + '/.config', folder + '/config')
    return ''
