/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * P-states for one CPU of QEMU's pc machine, which has none: the control and the status
 * register are the port 0xE0 (ACPI 6.5, 8.4.5.1), where -device pc-testdev keeps what is written.
 * The vCPU runs no slower for it: what is real is that the kernel finds the states and switches.
 *
 * C000 is replaced by the name of each CPU in turn.
 */
DefinitionBlock ("", "SSDT", 2, "CLKDRF", "PSTATES", 1)
{
	External (\_SB.CPUS.C000, DeviceObj)

	Scope (\_SB.CPUS.C000)
	{
		Name (_PCT, Package ()
		{
			ResourceTemplate () { Register (SystemIO, 32, 0, 0xE0) },
			ResourceTemplate () { Register (SystemIO, 32, 0, 0xE0) }
		})
		Name (_PSS, Package ()
		{
			/* MHz, mW, transition and bus master latency in us, control, status */
			Package () { 2000, 20000, 10, 10, 0x14, 0x14 },
			Package () { 1500, 15000, 10, 10, 0x0F, 0x0F },
			Package () { 1000, 10000, 10, 10, 0x0A, 0x0A }
		})
		Name (_PPC, 0)
	}
}
