/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * How far disturbances moved the drifts, against the idle phases of the same run.
 *
 * For each pair of clocks: effect = drift in the disturbed phase - mean drift of its k idle phases.
 *
 * Formal variance u^2 of a row: that of its 95 % interval, and its systematic part as a uniform
 * distribution over its half range (half range / sqrt 3, GUM 4.3.7), in quadrature.  The mean is
 * weighted by w = 1/u^2, so
 *     V_formal = 1/sum(w) + u^2 of the disturbed phase.
 *
 * Clocks wander between phases by more than the noise within a phase says.  With k > 1 the scatter of the
 * idle phases shows that, chi^2 = sum w (d - mean)^2, and Birge's ratio is R = sqrt(chi^2 / (k - 1)).
 * The wander adds to each phase, be its formal error large or small, and the disturbed phase is one more
 * draw of it.  With C = sum w - sum w^2 / sum w (DerSimonian and Laird 1986)
 *     S^2 = chi^2 / C            scatter of one phase
 *     u0^2 = (k - 1) / C         what S^2 would be without wander
 *     V_scatter = S^2 + max(0, u^2 - u0^2) + min(1, R^2)/sum(w) + max(0, S^2 - u0^2) sum(w^2)/sum(w)^2.
 * Where all u are alike this is S^2 (1 + 1/k).  Its degrees of freedom are those of S^2 where wander
 * rules (Satterthwaite 1946): C^2 / (sum w^2 - 2 sum w^3 / sum w + (sum w^2 / sum w)^2), which is k - 1
 * for equal weights and less for others.
 *
 * The interval is the wider of the normal one with V_formal and Student's with V_scatter; p is the
 * larger of the two.  So it holds without wander, and with wander of any size.  One idle phase shows no
 * scatter: then the formal interval is all there is, and the method says so.
 */
#ifndef ANALYSIS_EFFECT_H
#define ANALYSIS_EFFECT_H

#include "results/estimate.h"
#include "results/error.h"
#include "results/run.h"

/* Over all effects of a run together, by Holm's step-down method (Holm 1979): it bears dependent tests. */
#define EFFECT_FALSE_ALARMS 0.05

/*
 * Fills estimates->effects from estimates->drift: one for each row of a disturbed phase, in their order.
 * Returns 0 or -ENOMEM with err set.
 */
int effects_find(const struct run *run, struct estimates *estimates, struct error *err);

#endif
