"""The tiers: their kernels, the work of each guest, the number of guests at a time, and their time."""
import concurrent.futures
import dataclasses
import os
import random
import threading
import time

from vm.guest import STOP, boot
from vm.jobs import OUT, corners, life, program
from vm.packages import DEBIAN, KERNELS, Unavailable, fetch
from vm.results import judge, sentence

# The kernels that differ most.
USUAL = ('x5.10', 'x6.1', 'x6.12', 'x6.16', 'x6.18', 'x7.x', 'a5.10', 'a6.1', 'a6.12', 'a6.12-16k', 'a6.18', 'a7.x')


@dataclasses.dataclass(frozen=True)
class Tier:
    kernels: tuple
    jobs: int  # guests at a time
    guest_seconds: int  # a guest that takes longer has hung
    seconds: int  # after this no other guest begins
    thread_operations: int  # of life.sh
    program_operations: int  # of random programs; 0: no random programs
    variants: tuple = ('',)  # of transparent huge pages; empty: the kernel's default
    suffix: str = ''  # of the folder, so that results of another tier stay
    corners: bool = False  # the corner cases of test/live/corners, and nothing else


TIERS = {
    'smoke': Tier(DEBIAN, 2, 600, 1800, 60, 0),
    'full': Tier(USUAL, 1, 1200, 4 * 3600, 400, 1500, ('always', 'never')),
    'programs': Tier(USUAL, 1, 7200, 24 * 3600, 0, 3000, suffix='-programs'),
    'corners': Tier(USUAL, 2, 3600, 8 * 3600, 0, 0, suffix='-corners', corners=True),
}


def guest(tier, name, thp, options, seconds, kvm):
    """Runs one guest; its result."""
    folder = os.path.join(OUT, name + (f'-thp-{thp}' if thp else '') + tier.suffix)
    job = corners(options) if tier.corners else life(tier.thread_operations, options, thp, seconds)
    status, why = boot(name, folder, program(KERNELS[name].arch, tests=True), job, seconds=seconds, kvm=kvm,
                       turns=tier.corners)
    return judge(name, folder, status, why)


def run(arguments):
    """(guests done, kernels or guests skipped, whether all is well)."""
    tier = TIERS[arguments.what]
    end = time.monotonic() + (arguments.seconds or tier.seconds)
    seed = random.SystemRandom().randrange(1 << 48)
    options = arguments.options
    if tier.program_operations:
        options = f'--seed {seed:#x} --ops {tier.program_operations} ' + options  # the last one counts
    skipped, ready = 0, []
    for name in arguments.kernels or tier.kernels:
        try:
            fetch(name)
            program(KERNELS[name].arch, tests=True)
            ready += [(name, thp) for thp in tier.variants]
        except Unavailable as error:
            skipped += 1
            print(f'SKIP {name}: {error}', flush=True)
    lines = threading.Lock()

    def one(name, thp):
        left = min(tier.guest_seconds, end - time.monotonic())
        if left < 30:
            raise Unavailable('no time is left for it')
        result = guest(tier, name, thp, options, left, arguments.kvm)
        with lines:
            print(sentence(result), flush=True)
        return result['ok']

    done, good = 0, True
    pool = concurrent.futures.ThreadPoolExecutor(arguments.jobs or tier.jobs)
    try:
        futures = {pool.submit(one, *what): what for what in ready}
        for future in concurrent.futures.as_completed(futures):
            try:
                good &= future.result()
                done += 1
            except Unavailable as error:
                skipped += 1
                print(f'SKIP {" ".join(futures[future])}: {error}', flush=True)
    finally:
        STOP.set()
        pool.shutdown(cancel_futures=True)
    return done, skipped, good
