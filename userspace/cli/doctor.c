// SPDX-License-Identifier: GPL-2.0-only
#include "cli/doctor.h"

#include "base/cleanup.h"
#include "base/num.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "cli/output.h"
#include "source/probe.h"
#include "source/target.h"
#include "symbol/elf_syms.h"
#include "symbol/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ITEM_COLUMNS 34
#define STATE_COLUMNS 8

static const char *const state_names[] = {
	[PROBE_OK] = "ok",
	[PROBE_LIMITED] = "limited",
	[PROBE_MISSING] = "missing",
};

/* SGR colours: green, yellow, red. */
static const char *const state_colors[] = {
	[PROBE_OK] = "\033[32m",
	[PROBE_LIMITED] = "\033[33m",
	[PROBE_MISSING] = "\033[31m",
};

/* How a runtime shows: by the start of the name of its executable or of a library. */
static const struct {
	const char *file;
	const char *runtime;
} runtimes[] = {
	{"libpython", "CPython"}, {"python", "CPython"},
	{"libjvm.so", "JVM"},	  {"libnode", "Node.js"},
	{"node", "Node.js"},	  {"libruby", "Ruby"},
	{"ruby", "Ruby"},	  {"libcoreclr.so", ".NET"},
	{"libmonosgen", "Mono"},  {"beam.smp", "Erlang VM"},
	{"php", "PHP"},		  {"perl", "Perl"},
	{"libperl", "Perl"},	  {"lua", "Lua"},
};

static const char *runtime_of(const struct maps *maps)
{
	for (size_t i = 0; i < maps->len; i++) {
		const char *name = text_base_name(maps_path(maps, &maps->at[i]));

		if (maps->at[i].kind != MAPPING_FILE)
			continue;
		for (size_t k = 0; k < ARRAY_LEN(runtimes); k++) {
			if (!strncmp(name, runtimes[k].file, strlen(runtimes[k].file)))
				return runtimes[k].runtime;
		}
	}
	return NULL;
}

static void check_runtime(struct probe_list *list, pid_t pid)
{
	const char *cost = "names of functions and locks are not found";
	struct maps maps;
	struct err err = {0};
	const char *runtime;

	if (maps_read(pid, &maps, &err) < 0) {
		probe_add(list, "target: mappings", false, cost, PROBE_LIMITED, "%s",
			  strerror(-err.code));
		return;
	}
	probe_add(list, "target: mappings", false, cost, PROBE_OK, "%zu", maps.len);
	runtime = runtime_of(&maps);
	probe_add(list, "target: runtime", false, "functions of its language are not named",
		  runtime && strcmp(runtime, "CPython") != 0 ? PROBE_LIMITED : PROBE_OK, "%s",
		  runtime ? runtime : "native");
	maps_free(&maps);
}

static void check_symbols(struct probe_list *list, int fd)
{
	static const char item[] = "target: symbols";
	static const char cost[] = "other functions and locks appear as module and offset";
	struct elf_syms_info info;
	struct elf_syms *syms;
	struct err err = {0};

	if (elf_syms_load(fd, &syms, &err) < 0) {
		probe_add(list, item, false, cost, PROBE_LIMITED, "%s", err.msg);
		return;
	}
	elf_syms_info(syms, &info);
	elf_syms_free(syms);
	if (info.has_symtab)
		probe_add(list, item, false, cost, PROBE_OK,
			  ".symtab, %zu functions, %zu data objects", info.functions, info.objects);
	else if (info.functions + info.objects)
		probe_add(list, item, false, cost, PROBE_LIMITED,
			  "stripped, .dynsym alone: %zu functions, %zu data objects",
			  info.functions, info.objects);
	else
		probe_add(list, item, false, cost, PROBE_LIMITED, "none");
}

static void check_binary(struct probe_list *list, pid_t pid)
{
	static const char item[] = "target: binary";
	static const char cost[] = "names of functions and locks are not found";
	char path[64];
	char name[96];
	_cleanup_close_ int fd = -1;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		probe_add(list, item, false, cost, PROBE_LIMITED, "%s", strerror(errno));
		return;
	}
	len = readlink(path, name, sizeof(name) - 1);
	name[len > 0 ? len : 0] = '\0';
	probe_add(list, item, false, cost, PROBE_OK, "%s", name);
	check_symbols(list, fd);
}

/* 1 the same as ours, 0 another, or a negative errno. */
static int same_namespace(pid_t pid, const char *kind)
{
	char path[64];
	struct stat theirs;
	struct stat ours;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kind);
	if (stat(path, &theirs) < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
	if (stat(path, &ours) < 0)
		return -errno;
	return theirs.st_ino == ours.st_ino;
}

/* A target in a container is no limit, but good to know when names look strange. */
static void check_namespaces(struct probe_list *list, pid_t pid)
{
	static const char item[] = "target: namespaces";
	static const char *const kinds[] = {"pid", "mnt", "user", "net"};
	struct strbuf own = {0};
	int same = 0;

	for (size_t i = 0; i < ARRAY_LEN(kinds) && same >= 0; i++) {
		same = same_namespace(pid, kinds[i]);
		if (same == 0)
			strbuf_printf(&own, "%s%s", own.len ? ", " : "", kinds[i]);
	}
	if (same < 0)
		probe_add(list, item, false, "names in a container are not found", PROBE_LIMITED,
			  "%s", strerror(-same));
	else if (own.len)
		probe_add(list, item, false, "", PROBE_OK, "its own: %s", strbuf_str(&own));
	else
		probe_add(list, item, false, "", PROBE_OK, "the same as concprof's");
	strbuf_free(&own);
}

static int check_targets(struct probe_list *list, const struct options *opt, struct err *err)
{
	struct target_list targets = {0};
	int rc = 0;

	for (size_t i = 0; i < opt->pids_len && rc == 0; i++)
		rc = target_add_pid(&targets, opt->pids[i], err);
	for (size_t i = 0; i < targets.len && rc == 0; i++) {
		pid_t pid = targets.pids[i];

		probe_add(list, "target", false, "", PROBE_OK, "process %d, %u CPUs allowed",
			  (int)pid, target_cpus_allowed(pid));
		check_binary(list, pid);
		check_runtime(list, pid);
		check_namespaces(list, pid);
	}
	target_list_free(&targets);
	return rc;
}

static void print_row(struct strbuf *sb, const struct probe_result *result,
		      const struct cli_env *env)
{
	text_fit(sb, result->item, ITEM_COLUMNS, TEXT_LEFT, env->ascii);
	strbuf_putc(sb, ' ');
	if (env->color)
		strbuf_puts(sb, state_colors[result->state]);
	text_fit(sb, state_names[result->state], STATE_COLUMNS, TEXT_LEFT, env->ascii);
	if (env->color)
		strbuf_puts(sb, "\033[0m");
	strbuf_putc(sb, ' ');
	text_escape(sb, result->found, strlen(result->found));
	if (result->state != PROBE_OK && *result->cost)
		strbuf_printf(sb, "; %s", result->cost);
	strbuf_putc(sb, '\n');
}

/* "concprof can profile here", or what keeps it from that. */
static void print_verdict(struct strbuf *sb, const struct probe_list *list)
{
	const struct probe_result *result;
	unsigned missing = 0;

	if (probe_core_works(list)) {
		strbuf_puts(sb, "concprof can profile here.\n");
		return;
	}
	if (list->failed)
		return; /* not everything could be checked: an error says why */
	strbuf_puts(sb, "concprof cannot profile here: ");
	VEC_FOREACH (&list->results, result) {
		if (result->core && result->state == PROBE_MISSING && !result->implied)
			strbuf_printf(sb, "%s%s", missing++ ? ", " : "", result->item);
	}
	strbuf_puts(sb, missing == 1 ? " is missing.\n" : " are missing.\n");
}

/* What is not as it should be, and @all else, too. */
static void print_rows(struct strbuf *sb, const struct probe_list *list, const struct cli_env *env,
		       bool all)
{
	const struct probe_result *result;
	size_t left_out = 0;

	strbuf_putc(sb, '\n');
	VEC_FOREACH (&list->results, result) {
		if (all || (result->state != PROBE_OK && !result->implied))
			print_row(sb, result, env);
		else
			left_out++;
	}
	if (left_out)
		strbuf_printf(sb, "%s%zu more lines with --verbose\n",
			      left_out < list->results.len ? "\n" : "", left_out);
}

int doctor(const struct options *opt, const struct cli_env *env, struct err *err)
{
	struct probe_list list = {0};
	struct strbuf sb = {0};
	int rc = check_targets(&list, opt, err);

	if (rc < 0) {
		probe_list_free(&list);
		return rc;
	}
	probe_system(&list);
	probe_bpf(&list);
	print_verdict(&sb, &list);
	print_rows(&sb, &list, env, opt->verbose);
	rc = output_write_fd(env->out_fd, "standard output", strbuf_str(&sb), sb.len, err);
	if (rc == 0 && (list.failed || sb.failed))
		rc = err_set(err, -ENOMEM, "doctor: out of memory");
	else if (rc == 0 && !probe_core_works(&list))
		rc = -ENOTSUP;
	strbuf_free(&sb);
	probe_list_free(&list);
	return rc;
}
