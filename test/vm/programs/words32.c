/*
 * A 32-bit program without a C library, for guests: the calls that change an address space, by the numbers of
 * i386 and of arm, and some that the recorder does not trace. scripts/vm/machines.py builds it.
 */
typedef unsigned long word;

#if defined(__i386__)
enum {
	EXIT = 1, FORK = 2, CLOSE = 6, WAIT4 = 114, BRK = 45, MUNMAP = 91, FTRUNCATE = 93, MPROTECT = 125, MLOCK = 150,
	MUNLOCK = 151, MREMAP = 163, MMAP2 = 192, MADVISE = 219, MBIND = 274, IO_SETUP = 245, IO_DESTROY = 246,
	MEMFD = 356, MLOCK2 = 376,
};
static word call(word nr, word a, word b, word c, word d, word e, word f)
{
	word args[] = { nr, a, b, c, d, e, f }, ret;

	__asm__ volatile("pushl %%ebp; pushl %%ebx; movl (%%eax), %%ecx; pushl %%ecx;"
			 "movl 4(%%eax), %%ebx; movl 8(%%eax), %%ecx; movl 12(%%eax), %%edx;"
			 "movl 16(%%eax), %%esi; movl 20(%%eax), %%edi; movl 24(%%eax), %%ebp;"
			 "popl %%eax; int $0x80; popl %%ebx; popl %%ebp"
			 : "=a"(ret)
			 : "a"(args)
			 : "ecx", "edx", "esi", "edi", "memory");
	return ret;
}
#elif defined(__arm__)
enum {
	EXIT = 1, FORK = 2, CLOSE = 6, WAIT4 = 114, BRK = 45, MUNMAP = 91, FTRUNCATE = 93, MPROTECT = 125, MLOCK = 150,
	MUNLOCK = 151, MREMAP = 163, MMAP2 = 192, MADVISE = 220, MBIND = 319, IO_SETUP = 243, IO_DESTROY = 244,
	MEMFD = 385, MLOCK2 = 390,
};
static word call(word nr, word a, word b, word c, word d, word e, word f)
{
	register word r7 __asm__("r7") = nr;
	register word r0 __asm__("r0") = a;
	register word r1 __asm__("r1") = b;
	register word r2 __asm__("r2") = c;
	register word r3 __asm__("r3") = d;
	register word r4 __asm__("r4") = e;
	register word r5 __asm__("r5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(r0)
			 : "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5), "r"(r7)
			 : "memory");
	return r0;
}
#endif

enum { PAGE = 4096, RW = 3, PRIVATE = 2, FIXED = 0x10, ANONYMOUS = 0x20, MAY_MOVE = 1 };

static word is_error(word result)
{
	return result > (word)-4096;
}

static word must(word result, word status)
{
	if (is_error(result))
		call(EXIT, status, 0, 0, 0, 0, 0);
	return result;
}

static void write_pages(word start, word pages)
{
	for (word page = 0; page < pages; page++)
		*(volatile char *)(start + page * PAGE) = 1;
}

static word map(word at, word pages, word flags)
{
	return must(call(MMAP2, at, pages * PAGE, RW, PRIVATE | ANONYMOUS | flags, -1, 0), 2);
}

/* Two parts of a file that are neighbours in it, too, and one that is not. The offset is in units of 4096. */
static void map_file(word to)
{
	word fd = must(call(MEMFD, (word) "words32", 0, 0, 0, 0, 0), 3);

	must(call(FTRUNCATE, fd, 16 * PAGE, 0, 0, 0, 0), 4);
	must(call(MMAP2, to, 2 * PAGE, RW, PRIVATE | FIXED, fd, 3), 5);
	must(call(MMAP2, to + 2 * PAGE, 2 * PAGE, RW, PRIVATE | FIXED, fd, 5), 6);
	must(call(MMAP2, to + 4 * PAGE, 2 * PAGE, RW, PRIVATE | FIXED, fd, 8), 7);
	must(call(CLOSE, fd, 0, 0, 0, 0, 0), 8);
	write_pages(to, 5);
}

static void unseen_writers(word area)
{
	word context = 0;

	if (!is_error(call(IO_SETUP, 8, (word)&context, 0, 0, 0, 0)))
		must(call(IO_DESTROY, context, 0, 0, 0, 0, 0), 9);
	call(MBIND, area, 2 * PAGE, 0, 0, 0, 0);
	context = 0;
	if (!is_error(call(IO_SETUP, 8, (word)&context, 0, 0, 0, 0)))
		write_pages(area, 1);
}

static void life(word area)
{
	write_pages(area, 24);
	must(call(MPROTECT, area + 4 * PAGE, 4 * PAGE, 1, 0, 0, 0), 10);
	must(call(MUNMAP, area + 10 * PAGE, 2 * PAGE, 0, 0, 0, 0), 11);
	must(call(MADVISE, area + 14 * PAGE, 2 * PAGE, 10, 0, 0, 0), 12);
	call(MLOCK, area + 18 * PAGE, 2 * PAGE, 0, 0, 0, 0);
	call(MUNLOCK, area + 19 * PAGE, PAGE, 0, 0, 0, 0);
	call(MLOCK2, area + 22 * PAGE, PAGE, 1, 0, 0, 0);
	must(call(MREMAP, area + 26 * PAGE, PAGE, 4 * PAGE, MAY_MOVE, 0, 0), 13);
	must(call(MPROTECT, area + 4 * PAGE, 4 * PAGE, RW, 0, 0, 0), 14);
}

static void grow_break(void)
{
	word top = call(BRK, 0, 0, 0, 0, 0, 0);

	call(BRK, top + 8 * PAGE, 0, 0, 0, 0, 0);
	write_pages(top, 8);
	call(BRK, top + 2 * PAGE, 0, 0, 0, 0, 0);
}

static word child_of(word number)
{
	return must(call(number, 0, 0, 0, 0, 0, 0), 15);
}

static void wait(void)
{
	word status = 0;

	must(call(WAIT4, -1, (word)&status, 0, 0, 0, 0), 16);
	if (status)
		call(EXIT, 17, 0, 0, 0, 0, 0);
}

void _start(void)
{
	word area = map(0, 64, 0);

	life(area);
	map_file(area + 32 * PAGE);
	grow_break();
	unseen_writers(area + 40 * PAGE);
	for (word round = 0; round < 4; round++) {
		if (child_of(FORK) == 0) {
			life(map(area + 36 * PAGE, 28, FIXED));
			write_pages(area, 8);
			if (child_of(FORK) == 0)
				call(EXIT, 0, 0, 0, 0, 0, 0);
			wait();
			call(EXIT, 0, 0, 0, 0, 0, 0);
		}
		write_pages(area, 4);
		wait();
	}
	call(EXIT, 0, 0, 0, 0, 0, 0);
	for (;;)
		;
}
