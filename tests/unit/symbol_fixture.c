// SPDX-License-Identifier: GPL-2.0-only
#include "tests/unit/symbol_fixture.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/vec.h"

/*
 * outer_function holds a nested symbol; unsized_function has no size; the aliases share an address,
 * as do unsized_alias and first_sized.
 * argv[1], where given, is a file to map shared at its second page.
 */
static const char program_source[] =
	"#define _GNU_SOURCE 1\n"
	"#include <dlfcn.h>\n"
	"#include <fcntl.h>\n"
	"#include <pthread.h>\n"
	"#include <stdio.h>\n"
	"#include <stdlib.h>\n"
	"#include <string.h>\n"
	"#include <sys/auxv.h>\n"
	"#include <sys/mman.h>\n"
	"int global_data = 42;\n"
	"static volatile int local_data = 7;\n"
	"char big_bss[1 << 20];\n"
	"static volatile char local_bss[64];\n"
	"__thread int tls_data = 1;\n"
	"extern char outer_function[], unsized_function[], first_sized[];\n"
	"__asm__(\".text\\n.p2align 4\\n.globl outer_function\\n.type "
	"outer_function,@function\\n\"\n"
	"	\"outer_function: .skip 4, 0xc3\\n\"\n"
	"	\".type inner_function,@function\\ninner_function: .skip 4, 0xc3\\n\"\n"
	"	\".size inner_function, 4\\n.skip 8, 0xc3\\n.size outer_function, 16\\n\"\n"
	"	\".globl unsized_function\\n.type unsized_function,@function\\n\"\n"
	"	\"unsized_function: .skip 16, 0xc3\\n\"\n"
	"	\".globl first_sized\\n.type first_sized,@function\\n\"\n"
	"	\".globl unsized_alias\\n.type unsized_alias,@function\\nunsized_alias:\\n\"\n"
	"	\"first_sized: .skip 16, 0xc3\\n.size first_sized, 8\\n\");\n"
	"static int chosen(int x) { return x; }\n"
	"static void *choose(void) { return chosen; }\n"
	"int ifunc_function(int x) __attribute__((ifunc(\"choose\")));\n"
	"__attribute__((noinline)) int __under_function(int x) { return x * 3 + global_data; }\n"
	"int global_function(int x) __attribute__((alias(\"__under_function\")));\n"
	"int weak_fn(int x) __attribute__((weak, alias(\"__under_function\")));\n"
	"static int aa(int x) __attribute__((alias(\"__under_function\"), used));\n"
	"__attribute__((noinline)) static int local_function(int x) { return x + local_data; }\n"
	"static void put(const char *name, const void *at) { printf(\"%s %lx\\n\", name, "
	"(long)at); }\n"
	"static void *thread(void *arg)\n"
	"{\n"
	"	int here = 0;\n"
	"	put(\"thread_stack\", &here);\n"
	"	puts(\"ready\");\n"
	"	fflush(stdout);\n"
	"	char text[512];\n"
	"	while (fgets(text, sizeof(text), stdin)) {\n"
	"		text[strcspn(text, \"\\n\")] = 0;\n"
	"#ifndef STATIC\n"
	"		void *lib = strncmp(text, \"load \", 5) ? NULL : dlopen(text + 5, "
	"RTLD_NOW);\n"
	"		if (lib) {\n"
	"			put(\"library_function\", dlsym(lib, \"library_function\"));\n"
	"			put(\"library_data\", dlsym(lib, \"library_data\"));\n"
	"		}\n"
	"#endif\n"
	"		puts(\"ready\");\n"
	"		fflush(stdout);\n"
	"	}\n"
	"	return arg;\n"
	"}\n"
	"int main(int argc, char **argv)\n"
	"{\n"
	"	pthread_t t;\n"
	"	put(\"global_function\", global_function);\n"
	"	put(\"local_function\", local_function);\n"
	"	put(\"main\", main);\n"
	"	put(\"global_data\", &global_data);\n"
	"	put(\"local_data\", (void *)&local_data);\n"
	"	put(\"big_bss\", big_bss);\n"
	"	put(\"local_bss\", (void *)local_bss);\n"
	"	put(\"heap\", malloc(100));\n"
	"	put(\"stack\", &t);\n"
	"	put(\"anon\", mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, "
	"0));\n"
	"	put(\"shared_anon\", mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, "
	"0));\n"
	"	put(\"vdso\", (void *)getauxval(AT_SYSINFO_EHDR));\n"
	"	if (argc > 1)\n"
	"		put(\"shared_file\", mmap(NULL, 4096, PROT_READ, MAP_SHARED, open(argv[1], "
	"0), 4096));\n"
	"	if (local_function(1) + global_function(2) + local_bss[3] + tls_data == 0)\n"
	"		return 1;\n"
	"	pthread_create(&t, NULL, thread, NULL);\n"
	"	pthread_join(t, NULL);\n"
	"	return 0;\n"
	"}\n";

static const char library_source[] = "int library_data[16] = {1};\n"
				     "static volatile int hidden_data = 1;\n"
				     "int library_function(int x) { return x + hidden_data; }\n";

void fixture_dir_make(char path[FIXTURE_PATH_MAX])
{
	const char *tmp = getenv("TMPDIR");

	snprintf(path, FIXTURE_PATH_MAX, "%s/symbol-test-XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(path));
}

const char *fixture_path(char buf[FIXTURE_PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(buf, FIXTURE_PATH_MAX, "%s/%s", dir, name);

	ck_assert_int_lt(n, FIXTURE_PATH_MAX);
	return buf;
}

void fixture_dir_remove(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	ck_assert_int_eq(rmdir(path), 0);
}

/* Exits with 127 if argv cannot be run, so that only the parent reports. */
static _Noreturn void become(const char *const argv[])
{
	const char *cc = getenv("CC");
	const char *file = strcmp(argv[0], "cc") == 0 && cc && !strchr(cc, ' ') ? cc : argv[0];

	execvp(file, (char *const *)argv);
	_exit(127);
}

static void wait_for_success(pid_t pid, const char *what)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: wait status %#x", what,
		      status);
}

void fixture_run(const char *const argv[])
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		become(argv);
	wait_for_success(pid, argv[0]);
}

void fixture_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

void fixture_compile_as(const char *compiler, const char *suffix, const char *out,
			const char *source, const char *const flags[])
{
	char source_path[FIXTURE_PATH_MAX];
	const char *argv[24] = {compiler, "-w", "-O1", "-o", out, source_path};
	size_t argc = 6;

	ck_assert_int_lt(snprintf(source_path, sizeof(source_path), "%s%s", out, suffix),
			 FIXTURE_PATH_MAX);
	fixture_write(source_path, source);
	for (; *flags && argc < 23; flags++)
		argv[argc++] = *flags;
	ck_assert_ptr_null(*flags);
	fixture_run(argv);
}

void fixture_compile_source(const char *out, const char *source, const char *const flags[])
{
	fixture_compile_as("cc", ".c", out, source, flags);
}

void fixture_compile(const char *out, const char *const flags[])
{
	fixture_compile_source(out, program_source, flags);
}

void fixture_compile_library(const char *out)
{
	static const char *const flags[] = {"-shared", "-fPIC", "-nostdlib", NULL};

	fixture_compile_source(out, library_source, flags);
}

void fixture_copy(const char *from, const char *to)
{
	const char *const argv[] = {"cp", from, to, NULL};

	fixture_run(argv);
}

/* One line of `readelf -W`: "Num: Value Size Type Bind Vis Ndx Name". */
static bool parse_symbol(const char *line, struct fixture_symbol *ret)
{
	char size[32], type[16], bind[16], section[16], name[128];
	char *end;

	if (sscanf(line, " %*u: %" SCNx64 " %31s %15s %15s %*s %15s %127s", &ret->value, size, type,
		   bind, section, name) != 6)
		return false;
	ret->size = strtoull(size, &end, 0);
	ret->function = strcmp(type, "FUNC") == 0 || strcmp(type, "IFUNC") == 0;
	ret->local = strcmp(bind, "LOCAL") == 0;
	name[1 + strcspn(name + 1, "@")] = '\0';
	memcpy(ret->name, name, sizeof(name));
	return *end == '\0' && ret->size && section[0] >= '0' && section[0] <= '9' &&
	       (ret->function || strcmp(type, "OBJECT") == 0);
}

size_t fixture_symbols(const char *file, const char *tables, struct fixture_symbol **ret)
{
	VEC(struct fixture_symbol) symbols = {0};
	char command[2 * FIXTURE_PATH_MAX], line[1024];
	FILE *f;

	snprintf(command, sizeof(command), "readelf -W %s '%s'", tables, file);
	f = popen(command, "re");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		struct fixture_symbol symbol, *kept;

		if (!parse_symbol(line, &symbol))
			continue;
		kept = vec_add(&symbols);
		ck_assert_ptr_nonnull(kept);
		*kept = symbol;
	}
	ck_assert_int_eq(pclose(f), 0);
	*ret = symbols.at;
	return symbols.len;
}

uint64_t fixture_symbol_value(const char *file, const char *name)
{
	struct fixture_symbol *symbols;
	size_t len = fixture_symbols(file, "--syms", &symbols);
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++) {
		if (strcmp(symbols[i].name, name) == 0)
			value = symbols[i].value;
	}
	free(symbols);
	ck_assert_msg(value != 0, "readelf knows no %s in %s", name, file);
	return value;
}

static void read_line(int fd, char *line, size_t cap)
{
	size_t len = 0;

	for (;;) {
		ssize_t n = read(fd, line + len, 1);

		if (n < 0 && errno == EINTR)
			continue;
		ck_assert_msg(n == 1, "the child ended before it was ready");
		if (line[len] == '\n')
			break;
		ck_assert_uint_lt(++len, cap);
	}
	line[len] = '\0';
}

void fixture_talk(struct fixture_child *child, const char *text)
{
	char line[256];

	ck_assert_int_eq(write(child->to, text, strlen(text)), (ssize_t)strlen(text));
	for (;;) {
		size_t i = child->lines;

		read_line(child->from, line, sizeof(line));
		if (strcmp(line, "ready") == 0)
			return;
		ck_assert_uint_lt(i, FIXTURE_LINES_MAX);
		ck_assert_int_eq(
			sscanf(line, "%63s %" SCNx64, child->line[i].name, &child->line[i].address),
			2);
		child->lines++;
	}
}

void fixture_start(struct fixture_child *child, const char *const argv[], const char *root)
{
	int to[2], from[2];

	ck_assert_int_eq(pipe2(to, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(from, O_CLOEXEC), 0);
	*child = (struct fixture_child){.to = to[1], .from = from[0]};
	child->pid = fork();
	ck_assert_int_ge(child->pid, 0);
	if (child->pid == 0) {
		if (dup2(to[0], 0) < 0 || dup2(from[1], 1) < 0)
			_exit(126);
		if (root && (chroot(root) < 0 || chdir("/") < 0))
			_exit(126);
		become(argv);
	}
	close(to[0]);
	close(from[1]);
}

void fixture_stop(struct fixture_child *child)
{
	close(child->to);
	close(child->from);
	wait_for_success(child->pid, "child");
}

uint64_t fixture_address(const struct fixture_child *child, const char *name)
{
	for (size_t i = child->lines; i > 0; i--) {
		if (strcmp(child->line[i - 1].name, name) == 0)
			return child->line[i - 1].address;
	}
	ck_abort_msg("the child printed no %s", name);
}
