/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/catalogue.h"

#include <limits.h>

#include "bench/data_path.h"

int catalogue_load(const char *own, struct profiles *p, struct error *err)
{
	char path[PATH_MAX];
	int rc = data_path("analysis/profiles", path, err);

	*p = (struct profiles){ 0 };
	if (!rc)
		rc = profiles_load(path, p, err);
	if (!rc && own)
		rc = profiles_load(own, p, err);
	if (rc)
		profiles_free(p);
	return rc;
}

json_t *catalogue_json(const struct profile *p)
{
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:s,"
		" s:s, s:i}",
		"id", p->id, "role", p->role, "guest_os", p->guest_os, "guest_versions", p->guest_versions,
		"kernel", p->kernel, "arch", p->arch, "pvclock", p->pvclock, "host_constant_tsc",
		p->host_constant_tsc, "hypervisor", p->hypervisor, "situation", p->situation, "parameters",
		p->parameters, "host_settings", p->host_settings, "hypervisor_settings",
		p->hypervisor_settings, "side_effects", p->side_effects, "cost", p->cost, "source", p->source,
		"note", p->note, "file", p->file, "line", (int)p->line);
}
