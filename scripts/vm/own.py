"""Kernels of our own: built from Debian's source package, with options that Debian leaves out."""
import hashlib
import os
import shutil
import subprocess

CONFIGS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'test', 'vm', 'configs')


def fragments(config):
    return [os.path.join(CONFIGS, name + '.config') for name in ('base',) + config]


def key(kernel):
    """Changes with the source package and with the configuration."""
    digest = hashlib.sha256(kernel.source.encode())
    for path in fragments(kernel.config):
        with open(path, 'rb') as f:
            digest.update(f.read())
    return digest.hexdigest()[:12]


def build(kernel, source, folder):
    """Builds the kernel in the unpacked tree `source`; vmlinuz and config go to `folder`. An error tells the step."""
    def make(*arguments):
        run = subprocess.run(['make', '-s', f'-j{os.cpu_count()}', *arguments], cwd=source, capture_output=True,
                             text=True)
        if run.returncode != 0:
            return f'make {arguments[0]}: {" ".join(run.stderr.split())[-300:]}'
        return ''
    merge = ['scripts/kconfig/merge_config.sh', '-m', '.config', *map(os.path.abspath, fragments(kernel.config))]
    for step in (lambda: make('tinyconfig'),
                 lambda: '' if subprocess.run(merge, cwd=source, capture_output=True).returncode == 0 else merge[0],
                 lambda: make('olddefconfig'), lambda: make('bzImage')):
        if why := step():
            return why
    os.makedirs(folder + '/modules', exist_ok=True)
    open(folder + '/modules/order', 'w').close()
    shutil.copy(source + '/arch/x86/boot/bzImage', folder + '/vmlinuz')
    shutil.copy(source + '/.config', folder + '/config')
    return ''
