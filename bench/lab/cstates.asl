/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Idle states for one CPU of QEMU's pc machine, which has none: C1 by HLT, C2 by reading a
 * port as ACPI chipsets have it (ACPI 6.5, 8.4.1.1).  Nothing answers at the port, so C2 ends
 * at once: what is real is that the kernel finds, enters and counts it.
 *
 * C000 is replaced by the name of each CPU in turn.
 */
DefinitionBlock ("", "SSDT", 2, "CLKDRF", "CSTATES", 1)
{
	External (\_SB.CPUS.C000, DeviceObj)

	Scope (\_SB.CPUS.C000)
	{
		Name (_CST, Package ()
		{
			2,
			/* register, type, latency in us, power in mW */
			Package () { ResourceTemplate () { Register (FFixedHW, 0, 0, 0) }, 1, 1, 1000 },
			Package () { ResourceTemplate () { Register (SystemIO, 8, 0, 0x0414) }, 2, 50, 500 }
		})
	}
}
