// SPDX-License-Identifier: GPL-2.0-only
/* The only user of ncurses. */
#include "tui/term.h"

#include "base/err.h"
#include "tui/keys.h"

#include <errno.h>
#include <ncurses.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define WHEEL_ROWS 3
#define RESTORE_MAX 256
/* Selected cells: of 256 colours a dark background. */
#define SELECTED_BG 237
#define ESCAPE_DELAY_MS 25

struct terminal {
	SCREEN *screen;
	bool color;
	bool rich;	     /* 256 colours */
	struct canvas *last; /* what is on the screen, NULL = not known */
};

/* What puts a terminal back, for handlers of signals, which may call write() and little else. */
static struct {
	struct termios modes;
	volatile sig_atomic_t active;
	size_t len;
	char text[RESTORE_MAX];
} restore;

static const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGQUIT};

static void put_back(void)
{
	if (!restore.active)
		return;
	restore.active = 0;
	if (write(STDOUT_FILENO, restore.text, restore.len) < 0)
		return;
	tcsetattr(STDOUT_FILENO, TCSANOW, &restore.modes);
}

static void on_fatal(int sig)
{
	put_back();
	/* SA_RESETHAND: now it does what it would have done. */
	raise(sig);
}

static void add_restore(const char *text)
{
	size_t len = text && text != (const char *)-1 ? strlen(text) : 0;

	/* A delay ("$<2>") is for terminals of another age; what is before it is enough. */
	for (size_t i = 0; i < len && restore.len < RESTORE_MAX; i++) {
		if (text[i] == '$' && i + 1 < len && text[i + 1] == '<')
			break;
		restore.text[restore.len++] = text[i];
	}
}

static void arm_restore(void)
{
	struct sigaction action = {.sa_handler = on_fatal, .sa_flags = (int)SA_RESETHAND};

	restore.len = 0;
	add_restore("\033[?1000l\033[?1002l\033[?1006l");
	add_restore(tigetstr("sgr0"));
	add_restore(tigetstr("cnorm"));
	add_restore(tigetstr("rmkx"));
	add_restore(tigetstr("rmcup"));
	restore.active = 1;
	for (size_t i = 0; i < sizeof(fatal_signals) / sizeof(fatal_signals[0]); i++)
		sigaction(fatal_signals[i], &action, NULL);
	atexit(put_back);
}

static void disarm_restore(void)
{
	restore.active = 0;
	for (size_t i = 0; i < sizeof(fatal_signals) / sizeof(fatal_signals[0]); i++)
		signal(fatal_signals[i], SIG_DFL);
}

bool term_usable(void)
{
	const char *name = getenv("TERM");

	return name && *name && strcmp(name, "dumb") != 0;
}

static bool can_draw(void)
{
	const char *cup = tigetstr("cup");

	return cup && cup != (char *)-1;
}

/* Pair numbers: one a role, and the same selected. */
static short pair_of(unsigned role, bool selected)
{
	return (short)(1 + role + (selected ? ROLE_COUNT : 0));
}

static void make_colors(struct terminal *term)
{
	if (!term->color || !has_colors() || start_color() == ERR) {
		term->color = false;
		return;
	}
	use_default_colors();
	term->rich = COLORS >= 256 && COLOR_PAIRS >= 2 * ROLE_COUNT + 1;
	for (unsigned role = 0; role < ROLE_COUNT; role++) {
		const struct look *look = theme_look((enum role)role);
		short fg = term->rich ? look->fg256 : look->fg16;
		short bg = term->rich ? look->bg256 : look->bg16;

		init_pair(pair_of(role, false), fg, bg);
		if (term->rich)
			init_pair(pair_of(role, true), bg == COLOR_NONE ? fg : bg, SELECTED_BG);
	}
}

static void set_up(struct terminal *term)
{
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	leaveok(stdscr, FALSE);
	curs_set(0);
	mouseinterval(0);
	mousemask(BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON1_DOUBLE_CLICKED | BUTTON4_PRESSED |
			  BUTTON5_PRESSED,
		  NULL);
	make_colors(term);
}

int term_open(bool color, struct terminal **ret, struct err *err)
{
	struct terminal *term = calloc(1, sizeof(*term));

	if (!term)
		return err_set(err, -ENOMEM, "terminal: out of memory");
	if (tcgetattr(STDOUT_FILENO, &restore.modes) < 0) {
		free(term);
		return err_set(err, -errno, "terminal: %s", strerror(errno));
	}
	set_escdelay(ESCAPE_DELAY_MS);
	/* ncurses would take SIGINT, SIGTERM and SIGTSTP for itself: the loop has them. */
	term->screen = newterm(NULL, stdout, stdin);
	if (!term->screen || !can_draw()) {
		if (term->screen) {
			endwin();
			delscreen(term->screen);
		}
		free(term);
		return err_set(err, -ENOTTY,
			       "terminal: TERM names none that can be drawn on (set TERM, or use "
			       "-d SECONDS for a text report)");
	}
	set_term(term->screen);
	term->color = color;
	arm_restore();
	set_up(term);
	*ret = term;
	return 0;
}

void term_close(struct terminal *term)
{
	if (!term)
		return;
	endwin();
	disarm_restore();
	delscreen(term->screen);
	canvas_free(term->last);
	free(term);
}

void term_size(const struct terminal *term, int *ret_columns, int *ret_rows)
{
	(void)term;
	getmaxyx(stdscr, *ret_rows, *ret_columns);
}

void term_forget(struct terminal *term)
{
	canvas_free(term->last);
	term->last = NULL;
	clearok(stdscr, TRUE);
}

static attr_t attributes_of(const struct terminal *term, const struct cell *cell, short *ret_pair)
{
	const struct look *look = theme_look((enum role)cell->role);
	unsigned flags = term->color ? look->attributes : look->mono;
	attr_t attr = A_NORMAL;

	if (flags & LOOK_BOLD)
		attr |= A_BOLD;
	if (flags & LOOK_DIM)
		attr |= A_DIM;
	if (flags & LOOK_REVERSE)
		attr |= A_REVERSE;
	if (flags & LOOK_UNDERLINE)
		attr |= A_UNDERLINE;
	*ret_pair = term->color ? pair_of(cell->role, term->rich && cell->selected) : 0;
	if (cell->selected)
		attr |= term->rich && term->color ? A_BOLD : A_REVERSE;
	return attr;
}

/* Cells of one look at a time. */
static void show_row(const struct terminal *term, const struct canvas *canvas, int y)
{
	const struct cell *row = canvas_row(canvas, y);
	struct strbuf text = {0};
	int x = 0;

	while (x < canvas->columns) {
		const struct cell *first = &row[x];
		const int from = x;
		short pair;
		attr_t attr = attributes_of(term, first, &pair);

		strbuf_reset(&text);
		while (x < canvas->columns && row[x].role == first->role &&
		       row[x].selected == first->selected)
			strbuf_puts(&text, row[x++].text);
		attr_set(attr, pair, NULL);
		mvaddstr(y, from, strbuf_str(&text));
	}
	strbuf_free(&text);
}

static bool same_size(const struct canvas *a, const struct canvas *b)
{
	return a && a->columns == b->columns && a->rows == b->rows;
}

void term_show(struct terminal *term, const struct canvas *canvas)
{
	const size_t row_size = (size_t)canvas->columns * sizeof(*canvas->cells);
	bool known = same_size(term->last, canvas);

	for (int y = 0; y < canvas->rows; y++)
		if (!known ||
		    memcmp(canvas_row(term->last, y), canvas_row(canvas, y), row_size) != 0)
			show_row(term, canvas, y);
	attr_set(A_NORMAL, 0, NULL);
	refresh();
	if (!known) {
		canvas_free(term->last);
		term->last = canvas_new(canvas->columns, canvas->rows, canvas->ascii);
	}
	if (term->last)
		memcpy(term->last->cells, canvas->cells, (size_t)canvas->rows * row_size);
}

static int key_of(int code)
{
	switch (code) {
	case KEY_UP:
		return KEY_ARROW_UP;
	case KEY_DOWN:
		return KEY_ARROW_DOWN;
	case KEY_LEFT:
		return KEY_ARROW_LEFT;
	case KEY_RIGHT:
		return KEY_ARROW_RIGHT;
	case KEY_PPAGE:
		return KEY_PAGE_UP;
	case KEY_NPAGE:
		return KEY_PAGE_DOWN;
	case KEY_HOME:
		return KEY_HOME_KEY;
	case KEY_END:
		return KEY_END_KEY;
	case KEY_BTAB:
		return KEY_BACK_TAB;
	case KEY_BACKSPACE:
		return KEY_RUBOUT;
	case KEY_ENTER:
		return KEY_RETURN;
	case KEY_F(1):
		return KEY_F1_KEY;
	case KEY_F(3):
		return KEY_F3_KEY;
	case KEY_F(4):
		return KEY_F4_KEY;
	case KEY_F(5):
		return KEY_F5_KEY;
	case KEY_F(6):
		return KEY_F6_KEY;
	case KEY_F(10):
		return KEY_F10_KEY;
	default:
		return KEY_NONE;
	}
}

static struct term_event mouse_event(void)
{
	struct term_event event = {.type = TERM_NONE};
	MEVENT mouse;

	if (getmouse(&mouse) != OK)
		return event;
	event.x = mouse.x;
	event.y = mouse.y;
	if (mouse.bstate & BUTTON4_PRESSED) {
		event.type = TERM_WHEEL;
		event.rows = -WHEEL_ROWS;
	} else if (mouse.bstate & BUTTON5_PRESSED) {
		event.type = TERM_WHEEL;
		event.rows = WHEEL_ROWS;
	} else if (mouse.bstate & (BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON1_DOUBLE_CLICKED)) {
		event.type = TERM_CLICK;
		event.twice = (mouse.bstate & BUTTON1_DOUBLE_CLICKED) != 0;
	}
	return event;
}

struct term_event term_read(struct terminal *term)
{
	struct term_event event = {.type = TERM_NONE};
	wint_t code = 0;
	int rc = get_wch(&code);

	(void)term;
	if (rc == ERR)
		return event;
	if (rc == KEY_CODE_YES && code == KEY_MOUSE) {
		event = mouse_event();
		/* One that means nothing must not look like the end of what is there. */
		if (event.type == TERM_NONE)
			event.type = TERM_KEY;
		return event;
	}
	if (rc == KEY_CODE_YES && code == KEY_RESIZE) {
		event.type = TERM_RESIZE;
		return event;
	}
	event.type = TERM_KEY;
	event.key = rc == KEY_CODE_YES ? key_of((int)code) : (int)code;
	return event;
}

void term_resize(struct terminal *term)
{
	struct winsize size = {0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
		resizeterm(size.ws_row, size.ws_col);
	term_forget(term);
}

void term_stop(struct terminal *term)
{
	sigset_t set, before;
	struct sigaction action = {.sa_handler = SIG_DFL};
	struct sigaction old;

	def_prog_mode();
	endwin();
	restore.active = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigaction(SIGTSTP, &action, &old);
	raise(SIGTSTP);
	/* It is blocked, for a descriptor reports it: let the one raised take effect. */
	sigprocmask(SIG_UNBLOCK, &set, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	sigaction(SIGTSTP, &old, NULL);
	reset_prog_mode();
	restore.active = 1;
	term_resize(term);
	refresh();
}
