/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One error, as the user will read it: a code for programs and one sentence for people.
 *
 * Library code fills it in and returns; only cli/ prints it, once.  The sentence has the form
 * "what: why (what to do)", so that a user never has to guess the next step.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define ERR_MSG_MAX 512

struct err {
	int code; /* negative errno, 0 = none */
	char msg[ERR_MSG_MAX];
};

/*
 * Store @code (a negative errno) and the formatted sentence; a longer one is cut.
 * @err may be NULL.  Returns @code, so that `return err_set(err, -ENOENT, "..")` reads well.
 */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * Put "prefix: " before the sentence already there; no effect on a NULL or empty @err.  Returns the
 * code, and 0 where there is none: a caller that may hold a NULL @err returns its own code instead.
 */
int err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
