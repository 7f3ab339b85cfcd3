// SPDX-License-Identifier: GPL-2.0-only
/*
 * Computes for ever, in code that it makes itself (x86_64) or, with argv[1], in spin() of that
 * library. Prints "code ADDRESS" and "ready".
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

typedef void spin_fn(unsigned long turns);

/* dec %rdi; jne -5; ret */
static const unsigned char code[] = {0x48, 0xff, 0xcf, 0x75, 0xfb, 0xc3};

int main(int argc, char **argv)
{
	void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
	spin_fn *spin = NULL;
	void *page;

	if (argc > 1) {
		*(void **)&spin = library ? dlsym(library, "spin") : NULL;
	} else {
		page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (page != MAP_FAILED) {
			memcpy(page, code, sizeof(code));
			*(void **)&spin = page;
			printf("code %lx\n", (unsigned long)page);
		}
	}
	if (!spin)
		return 1;
	puts("ready");
	fflush(stdout);
	for (;;)
		spin(1000000);
}
