/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every suite of the unit tests: one line per suite, sorted, and nothing else to register.
 *
 * Included plainly it declares the suite functions.  main.c includes it a second time with SUITE()
 * defined, to build its table from the same lines; so there is no include guard.
 */
#ifndef SUITE
#include <check.h>
#define SUITE(name) Suite *name(void);
#endif

/* clang-format off */
SUITE(analysis_confidence_suite)
SUITE(analysis_gain_suite)
SUITE(analysis_judge_suite)
SUITE(analysis_known_suite)
SUITE(analysis_load_suite)
SUITE(analysis_processes_suite)
SUITE(base_err_suite)
SUITE(base_hashmap_suite)
SUITE(base_num_suite)
SUITE(base_strbuf_suite)
SUITE(base_text_suite)
SUITE(base_units_suite)
SUITE(base_vec_suite)
SUITE(cli_deliver_suite)
SUITE(cli_options_suite)
SUITE(cli_output_suite)
SUITE(cli_progress_suite)
SUITE(model_apply_suite)
SUITE(model_divide_suite)
SUITE(model_freeze_locks_suite)
SUITE(model_freeze_names_suite)
SUITE(model_freeze_suite)
SUITE(model_held_suite)
SUITE(model_hist_suite)
SUITE(model_lock_kind_suite)
SUITE(model_native_site_suite)
SUITE(model_schema_suite)
SUITE(model_site_suite)
SUITE(render_json_suite)
SUITE(render_notes_suite)
SUITE(render_text_suite)
SUITE(report_columns_suite)
SUITE(runtime_python_frames_suite)
SUITE(runtime_python_layout_suite)
SUITE(runtime_python_lines_suite)
SUITE(runtime_python_state_suite)
SUITE(source_capture_codec_suite)
SUITE(source_capture_suite)
SUITE(source_target_suite)
SUITE(symbol_annotate_suite)
SUITE(symbol_demangle_suite)
SUITE(symbol_debug_file_suite)
SUITE(symbol_dwarf_member_suite)
SUITE(symbol_dwarf_object_suite)
SUITE(symbol_dwarf_places_suite)
SUITE(symbol_elf_load_suite)
SUITE(symbol_elf_lookup_suite)
SUITE(symbol_elf_syms_suite)
SUITE(symbol_heap_object_suite)
SUITE(symbol_isolate_suite)
SUITE(symbol_kallsyms_suite)
SUITE(symbol_maps_suite)
SUITE(symbol_perf_map_suite)
SUITE(symbol_source_lines_suite)
SUITE(symbol_stack_owner_suite)
SUITE(symbol_symbolizer_suite)
SUITE(symbol_target_file_suite)
SUITE(symbol_unwind_bounds_suite)
SUITE(symbol_unwind_cfi_suite)
SUITE(symbol_unwind_part_suite)
SUITE(symbol_unwind_table_suite)
SUITE(symbol_unwind_walk_suite)
/* clang-format on */

#undef SUITE
