/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What the parts of the report share.  Private to analysis/report*.c.
 */
#ifndef ANALYSIS_REPORT_PARTS_H
#define ANALYSIS_REPORT_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "analysis/pair.h"
#include "analysis/phase.h"
#include "results/estimate.h"
#include "results/evidence.h"
#include "results/run.h"
#include "results/samples.h"

#define PLOTS_DIR "plots"

struct report {
	const struct run *run;
	const struct samples *samples;
	const struct estimates *estimates;
	int reference;		    /* index into run->clocks or PAIR_TSC */
	const char *reference_name; /* "tsc" for PAIR_TSC */
	struct pair_source *source;
	int *cpus; /* with readings or a drift row, ascending; owned */
	size_t cpu_count;
	int *clocks; /* indices of the clocks that have a drift row, in the order of the rows; owned */
	size_t clock_count;
	double length_s;	       /* first to last reading of the run */
	const struct drift **rows;     /* of the estimates, sorted by clock, phase and CPU; owned */
	const struct effect **effects; /* the same of the effects; owned */
	bool disturbed;		       /* a phase was disturbed on purpose, or was to be */
	struct evidence_set evidence;  /* owned */
	struct error evidence_error;   /* why it could not be read, a whole sentence; else empty */
	struct lane *lanes;	       /* the evidence as it is drawn; owned; report_lanes.h */
	size_t lane_count;
};

/* The row of that clock, CPU and phase, or NULL. */
const struct drift *report_drift(const struct report *r, const char *clock, int cpu, const char *phase);

/* The same for the effect on the drift. */
const struct effect *report_effect(const struct report *r, const char *clock, int cpu, const char *phase);

/*
 * CPUs that stand for all in a plot of one clock: all if there are at most
 * CPUS_SHOWN, else those with the lowest, the median and the highest drift (mean over the
 * phases).  Ascending; returns how many, up to CPUS_SHOWN.
 */
#define CPUS_SHOWN 4
size_t report_cpus_shown(const struct report *r, const char *clock, int cpus[CPUS_SHOWN]);

/* One plot of the report and the words around it. */
struct figure {
	const char *name;    /* file name in plots/ without its ending */
	const char *heading; /* plain text */
	const char *caption; /* how to read it; plain text */
	char takeaway[600];  /* what these data say; plain text */
	char note[1200];     /* added to the caption for these data; plain text */
	char absent[700];    /* why there is no plot, a whole sentence; empty where there is one */
	bool none;	     /* it does not concern this run: nothing is on the page */
};

/* A gnuplot script that is being written, with its data beside it. */
struct plot {
	FILE *script, *data;
	int width, height; /* px at the SVG's own size */
	unsigned blocks;   /* data blocks so far: the next one's gnuplot index */
	long block_start;  /* where the rows of the last block begin */
};

/*
 * Writes the script and the data of a figure between plot_begin() and plot_end(), sets takeaway;
 * or sets absent or none and writes nothing.  Returns 0 or -errno.
 */
typedef int plot_function(
	const struct report *r, struct plot *plot, struct figure *figure, struct error *err);

plot_function plot_pair;		  /* report_pair_draw.c */
plot_function plot_offset, plot_residual; /* report_time.c */
plot_function plot_drift;		  /* report_drift.c */
plot_function plot_effects;		  /* report_effects.c */
plot_function plot_evidence;		  /* report_evidence.c */
plot_function plot_stability;		  /* report_stability.c */
plot_function plot_cost, plot_brackets;	  /* report_cost.c */
plot_function plot_crosscpu;		  /* report_crosscpu.c */

/* report_figures.c */

/* The directory of the plots of a run or matrix, which is made if it is not there. */
int figures_dir(const char *of, char *dir, size_t size, struct error *err);

/* As plot_function, of whatever context is. */
typedef int figure_draw(const void *context, struct plot *plot, struct figure *figure, struct error *err);

/* Writes and draws one; where it fails its reason is in `absent`. */
int figure_make(
	const char *dir, struct figure *figure, figure_draw *draw, const void *context, struct error *err);

/* report_gnuplot.c */

/* Terminals for SVG and PNG, and the common look.  The body in between is drawn once for each. */
void plot_begin(struct plot *plot, const char *name, int width, int height);
void plot_end(struct plot *plot);
/* Bold text at the top left corner: a label, so set before the first panel is drawn. */
void plot_headline(struct plot *plot, const char *text);
/* Where gnuplot's own legend of the next panel goes, down from a place in px. */
void plot_key_beside(struct plot *plot, double left, double top);
struct legend_entry {
	const char *text, *colour;
};
/* Width of a text in letters, not bytes. */
size_t plot_letters(const char *text);
/* A legend in one row at the top right corner: labels, so set before the first panel.  False: it does not fit. */
bool plot_legend(struct plot *plot, const struct legend_entry *entries, size_t count);
/* Edges of the next panel's axes in px from the left and the top of the plot. */
void plot_panel(struct plot *plot, double left, double right, double top, double bottom);
/* Starts a data block; returns its index.  The description becomes a comment. */
unsigned plot_block(struct plot *plot, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Text as a gnuplot string with its quotes; nothing in it is special to gnuplot. */
void plot_string(FILE *script, const char *text);
/* The same for the text of a tic, which gnuplot takes as a format. */
void plot_tic_string(FILE *script, const char *text);
#define COLOURS 7
/* Colours that the colour-blind can tell apart, dark enough for lines on white; any index. */
const char *plot_colour(size_t index);
/* The same as a light shade: alpha first, 0 is opaque, as gnuplot writes it. */
const char *plot_shade(size_t index);
/* A logarithmic y axis with its range, low > 0; tics are powers of ten in superscript. */
void plot_log_tics(FILE *script, double low, double high);
/* A logarithmic x axis of time with its range, low_ns > 0; tics in words: 10 ns, 1 µs. */
void plot_time_tics(FILE *script, double low_ns, double high_ns);
/*
 * Runs `gnuplot NAME.gp` in dir.  Returns 0 or -errno with its first complaint
 * in err; -ENOENT: there is no gnuplot; -ETIMEDOUT: it was ended at the deadline.
 */
int plot_run(const char *dir, const char *name, struct error *err);

/* report_html.c */

/* Text with <, >, &, and both quotes as entities; bytes that are no UTF-8 become U+FFFD. */
void html_text(FILE *out, const char *text);
/* The same; a hyphen before a digit becomes a minus sign (not inside a word: idle-1), and a number stays with its unit on one line. */
void html_number(FILE *out, const char *text);
/* An SVG file of gnuplot as part of a page: no prolog, no titles, ids made unique with a prefix. */
void html_svg(FILE *out, const char *svg, const char *prefix, const char *label);
/* The page from `<!DOCTYPE html>` to `</html>`. */
void html_page(FILE *out, const struct report *r, const struct figure *figures, size_t figure_count);
/* "stable" and the like, with symbol and colour; any other text is shown as it is. */
void html_status(FILE *out, const char *status);

/* The page up to its content, which `html_end` ends. */
void html_begin(FILE *out, const char *title, const char *status);
void html_end(FILE *out);
/* The plot with the words around it; dir: of the run or matrix. */
void html_figure(FILE *out, const char *dir, const struct figure *figure);
/* Head of the box that says the verdict; its reasons follow, and "</div></section>". */
void html_verdict(FILE *out, enum status status, const char *words);
/* An entry of the list of facts; nothing where text is empty. */
void html_fact(FILE *out, const char *name, const char *text);
/* A row of the table of files. */
void html_file_row(FILE *out, const char *name, const char *meaning);

/* Table cells; attributes start with a blank. */
void html_text_cell(FILE *out, const char *attributes, const char *text);
void html_number_cell(FILE *out, const char *text);

extern const char report_style[];		      /* report_style.c: CSS */
void html_head(FILE *out, const struct report *r);    /* report_head.c: verdict and key facts */
void html_summary(FILE *out, const struct report *r); /* report_summary.c: drift of each clock */
void html_both(FILE *out, const struct report *r);    /* report_both.c: both machines of a pair */
void html_phases(FILE *out, const struct report *r);  /* report_phases.c: what was done, seen and found */
void html_grid(FILE *out, const struct report *r);    /* report_grid.c: each phase and clock */
void html_warnings(
	FILE *out, const struct report *r); /* report_tables.c: what was lost, and is worth a warning */
void html_tables(FILE *out, const struct report *r);	  /* report_tables.c: what is behind the numbers */
void html_environment(FILE *out, const struct report *r); /* report_environment.c: before, after, changes */
void html_notes(FILE *out, const struct report *r); /* report_notes.c: what it cannot tell, method, files */

#endif
