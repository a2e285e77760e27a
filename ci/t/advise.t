#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# clkdrift advise: the guide's tables, from facts written by hand; exit codes; what was measured.
. ci/t/lib.sh

facts() { cat >"$T/facts.json"; }
advise() { clkdrift advise --facts "$T/facts.json" --json "$@"; }
# NAME PROFILE PARAMETERS EXIT
answers() {
	advise
	is "$rc $(json .profile) '$(json .parameters)'" "$4 $2 '$3'" "$1"
}

# The guide's table: CentOS version, arch, pvclock, on a host without constant TSC.
row() { # VERSION ARCH PVCLOCK PROFILE PARAMETERS EXIT
	local pvclock=""
	if [ "$3" != - ]; then pvclock=", \"pvclock\": $3"; fi
	facts <<<"{\"os\": {\"name\": \"CentOS\", \"version\": \"$1\"}, \"arch\": \"$2\", \"host\": {\"constant_tsc\": false}$pvclock}"
	answers "CentOS $1 $2, pvclock $3: '$5'" "$4" "$5" "$6"
	is "$(json .evidence)" documented "only documented: said plainly"
}
row 5.4 x86_64 true centos-5.4-x86_64-pvclock "" 0
row 5.4 x86_64 false centos-5.4-x86_64 "notsc lpj=n" 1
like "$(json '.notes[]')" "divider=10" "the older edition's divider=10 is told"
like "$(json '.notes[]')" "RHEL 6 guide: do not set lpj unless" "the RHEL 6 guide's word on lpj is told"
row 5.4 i386 true centos-5.4-i386-pvclock "" 0
row 5.4 i386 false centos-5.4-i386 "clocksource=acpi_pm lpj=n" 1
row 5.3 x86_64 - centos-5.3-x86_64 notsc 1
row 5.3 i386 - centos-5.3-i386 clocksource=acpi_pm 1
row 4.8 x86_64 - centos-4.8-x86_64 notsc 1
row 4.8 i386 - centos-4.8-i386 clock=pmtmr 1
row 3.9 x86_64 - centos-3.9-x86_64 "" 0
row 3.9 i386 - centos-3.9-i386 "" 0

# The same system in other words; the number of lpj=n; what is there already.
facts <<<'{"schema":1,"facts":{"os":{"name":"Red Hat Enterprise Linux Server","version":"5.4"},"kernel":{"release":"2.6.18-164.el5","machine":"i686","hz":1000},"pvclock":"no","host":{"constant_tsc":"no"},"tsc":{"khz":2593900}}}'
answers "RHEL 5.4, i686, inside of an inspect object" centos-5.4-i386 "clocksource=acpi_pm lpj=2593900" 1
facts <<<'{"os":{"name":"CentOS","version":"5.3"},"arch":"amd64","host":{"constant_tsc":false},"command_line":{"text":"ro root=/dev/sda1 notsc quiet"}}'
answers "parameters that are there already" centos-5.3-x86_64 notsc 0
is "$(json .in_force)" true "they are in force"
facts <<<'{"os":{"name":"CentOS","version":"5.3"},"arch":"amd64","host":{"constant_tsc":true}}'
answers "a constant TSC needs nothing" guest-constant-tsc "" 0

# Hosts.
facts <<<'{"role":"host","host":{"constant_tsc":false},"cpu":{"amd_revision_f":true}}'
answers "a host without constant TSC, AMD revision F" host-amd-revision-f processor.max_cstate=1 1
like "$(json .host_settings)" "cpuspeed: MIN_SPEED and MAX_SPEED = the highest of scaling_available_frequencies" "the cpuspeed file"
facts <<<'{"role":"host","cpu":{"flags":{"constant_tsc":false},"amd_revision_f":false}}'
answers "a host without constant TSC, another CPU" host-no-constant-tsc processor.max_cstate=1 1
ok "$(json .host_settings | grep -c cpuspeed)" "no cpuspeed: it is for revision F only"
facts <<<'{"role":"host","host":{"constant_tsc":true}}'
answers "a host with constant TSC" host-constant-tsc "" 0
is "$(json .host_settings)" "" "nothing to set there"

facts <<<'{"os":{"name":"Windows","version":"5.2"},"role":"guest"}'
answers "Windows Server 2003" windows-xp-2003 /usepmtimer 1
facts <<<'{"os":{"name":"Windows","version":"10.0"},"role":"guest"}'
advise
like "$(json .hypervisor_settings)" "hv-time" "a newer Windows: Hyper-V enlightenments"

for name in "Windows XP" "Microsoft Windows Server 2003"; do
	facts <<<"{\"os\":{\"name\":\"$name\"},\"role\":\"guest\"}"
	answers "$name, by its name alone" windows-xp-2003 /usepmtimer 1
done
facts <<<'{"os":{"name":"Microsoft Windows 10"},"role":"guest"}'
answers "Microsoft Windows 10, by its name alone" windows-hyperv-clock "" 1
like "$(json '.reasons[]')" "The catalogue has settings for such a system" "with a reason"

# What is not known is asked for, never guessed.
facts <<<'{"os":{"name":"CentOS","version":"5.4"},"arch":"x86_64","host":{"constant_tsc":false}}'
advise
is "$rc $(json .at_risk) $(json .profile) $(json '.missing[]')" "3 null null pvclock" "without pvclock told: not known, exit code 3"
facts <<<'{}'
advise
is "$rc $(json .at_risk)" "3 null" "no facts at all: not known"
facts <<<'{"os":{"name":"Plan 9","version":"4"},"role":"guest"}'
advise
is "$rc" 3 "a system that the catalogue does not have: not known"

# Newer guests, as inspect finds them.
guest() { # CLOCKSOURCE AVAILABLE LOG [FLAGS]
	cat <<-END | facts
		{"hypervisor":{"present":true,"name":"QEMU TCG"},"kernel":{"release":"6.1.0-30-amd64","machine":"x86_64"},
		"cpu":{"online_count":${cpus-1},"flags":{"constant_tsc":false,"nonstop_tsc":false,"tsc_known_freq":false}},
		"cpuid":{"invariant_tsc":false},"clocksource":{"current":"$1","available":[$2]},
		"idle":{"driver":"none"},"cpufreq":{"policies":[]},
		"kernel_log":{"from_boot":true,"lines":[{"text":"$3"}]}}
	END
}
guest tsc '"tsc","hpet","acpi_pm"' "tsc: Detected 2596 MHz"
answers "a guest on a TSC that is not constant" no-constant-tsc-hpet clocksource=hpet 1
guest tsc '"tsc","acpi_pm"' "tsc: Detected 2596 MHz"
answers "the same without HPET" no-constant-tsc-acpi-pm clocksource=acpi_pm 1
guest hpet '"hpet","acpi_pm"' "tsc: Marking TSC unstable due to TSCs unsynchronized"
answers "TSCs that differ" unsynchronized-tsc tsc=unstable 1
guest hpet '"hpet","acpi_pm"' "tsc: Marking TSC unstable due to TSC halts in idle"
answers "idle states that stop the TSC" shallow-idle processor.max_cstate=1 1
guest hpet '"tsc","hpet","acpi_pm"' "tsc: Detected 2596 MHz"
answers "who reads the advised clock already" no-constant-tsc-hpet clocksource=hpet 0
guest jiffies '"jiffies"' "none"
answers "a guest that counts ticks" tick-counting "" 1
like "$(json .hypervisor_settings)" "lost_tick_policy=delay" "what the hypervisor can do for it"

# One's own profiles.
guest tsc '"tsc","hpet","acpi_pm"' "tsc: Detected 2596 MHz"
printf 'id,role,parameters,kernel,pvclock,situation,source\nours,guest,clocksource=hpet nohz=off,2.6.27-,no,tsc-not-constant has-hpet,our own measurements\n' >"$T/own.csv"
advise --catalogue "$T/own.csv"
is "$rc $(json .profile) $(json .parameters)" "1 ours clocksource=hpet nohz=off" "a profile of one's own comes before an equal one"
clkdrift list profiles --catalogue "$T/own.csv" --json
is "$(json '.profiles[] | select(.id == "ours") | .file')" own.csv "it is listed"
printf 'id,role,parameters\nhpet,guest,x\n' >"$T/own.csv"
advise --catalogue "$T/own.csv"
is "$rc $(wc -l <"$T/err")" "2 1" "an id that is taken: one line, exit code 2"
like "$err" "own.csv:2: id \"hpet\" is taken: modern.csv:[0-9]+ has it" "with both places"

printf 'id,role,parameters,pvclok\nours,guest,x,no\n' >"$T/own.csv"
advise --catalogue "$T/own.csv"
is "$rc $(wc -l <"$T/err")" "2 1" "a misspelt column: one line, exit code 2"
like "$err" "own.csv:1: no column is called \"pvclok\": is it \"pvclock\"" "with the name that is meant"

# A lab's matrix.
mkdir "$T/matrix"
echo '{"schema":1,"kind":"matrix","configurations":[{"name":"two-vcpus","arch":"x86_64","vcpus":2,"hpet":true,"cstates":false,"pstates":false},{"name":"one-vcpu","arch":"x86_64","vcpus":1,"hpet":true,"cstates":false,"pstates":false}]}' >"$T/matrix/matrix.json"
advise --run "$T/matrix"
is "$rc" 2 "a matrix that was not analysed: exit code 2"
like "$err" "no verdict.json: 'clkdrift analyze" "and what to do"
cat >"$T/matrix/verdict.json" <<-'END'
	{"schema":1,"choices":[
	{"configuration":"one-vcpu","profile":"default","parameters":"","status":"unstable","role":"fails","why":"drift +5.9 ppm","drift_ppm":5.9,"read_ns":80},
	{"configuration":"one-vcpu","profile":"hpet","parameters":"clocksource=hpet","status":"stable","role":"dearer","why":"","drift_ppm":0.001,"read_ns":900},
	{"configuration":"one-vcpu","profile":"acpi-pm","parameters":"clocksource=acpi_pm","status":"stable","role":"recommended","why":"","drift_ppm":0.002,"read_ns":700},
	{"configuration":"two-vcpus","profile":"hpet","parameters":"clocksource=hpet","status":"unstable","role":"fails","why":"","drift_ppm":3,"read_ns":900}]}
END
advise --run "$T/matrix"
is "$rc $(json .profile) $(json .evidence)" "1 acpi-pm measured in a lab" "what the lab recommends for such a guest"
like "$(json .evidence_text)" "one-vcpu: stable, drift \+0.002 ppm, a reading takes 700 ns" "with its numbers"
mkdir "$T/own"
cp "$T/matrix/matrix.json" "$T/own"
sed 's/acpi-pm/mine/; s/acpi_pm/& nohz=off/' "$T/matrix/verdict.json" >"$T/own/verdict.json"
advise --run "$T/own"
is "$rc $(json .profile)" "1 no-constant-tsc-hpet" "a profile of the user's own needs its catalogue"
like "$(json '.notes[]')" 'recommends mine \(clocksource=acpi_pm nohz=off\), which is not in the catalogue: .* --catalogue' "which is said"
printf 'id,role,parameters,situation\nmine,guest,clocksource=acpi_pm nohz=off,by-name\n' >"$T/mine.csv"
advise --run "$T/own" --catalogue "$T/mine.csv"
is "$rc $(json .profile) $(json .evidence)" "1 mine measured in a lab" "and is advised with it"
sed -i 's/clocksource.*,by/notsc,by/' "$T/mine.csv"
advise --run "$T/own" --catalogue "$T/mine.csv" mine
is "$rc $(json .parameters) $(json .evidence)" "1 notsc documented" "a profile that is no longer what was booted was not measured"
like "$(json .evidence_text)" "what the lab booted as mine on one-vcpu had clocksource=acpi_pm nohz=off" "which is said, too"
cpus=2 guest tsc '"tsc","hpet","acpi_pm"' "tsc: Detected 2596 MHz"
advise --run "$T/matrix"
like "$(json '.notes[]')" "did not find no-constant-tsc-hpet stable on two-vcpus: it was unstable" "a profile that failed in the lab is told of"
facts <<<'{"os":{"name":"CentOS","version":"5.3"},"arch":"i386","host":{"constant_tsc":false}}'
advise --run "$T/matrix"
is "$rc $(json .parameters) $(json .evidence)" "1 clocksource=acpi_pm documented" "no configuration like it: only documented"

# A stored run.
hand_written "$T/run" 0 20 16 0
clkdrift advise --run "$T/run"
is "$rc" 2 "a run without verdict: exit code 2"
echo '{"schema":1,"verdict":{"status":"stable","reasons":["monotonic: +0.01 ppm"]}}' >"$T/run/verdict.json"
clkdrift advise --run "$T/run"
is "$rc" 2 "a run without a snapshot of its machine: exit code 2"
like "$err" "has no snapshot of its machine: give it with --facts" "and what to do"
jq -c '. + {environment: {before: {hypervisor: {present: true, name: "QEMU TCG"}, kernel: {release: "6.1.0", machine: "x86_64"},
	cpu: {flags: {constant_tsc: false}}, clocksource: {current: "tsc", available: ["tsc", "hpet"]},
	command_line: {text: "quiet"}}}}' "$T/run/run.json" >"$T/new" && mv "$T/new" "$T/run/run.json"
clkdrift advise --run "$T/run" --json
is "$rc $(json .profile) $(json .evidence)" "1 no-constant-tsc-hpet documented" "a run without the profile is no proof of it"
like "$(json .evidence_text)" "Measured here without the profile: stable; monotonic: \+0.01 ppm" "but what it found is told"
sed -i 's/"current":"tsc"/"current":"hpet"/' "$T/run/run.json"
clkdrift advise --run "$T/run" --json
is "$rc $(json .profile) $(json .evidence)" "0 no-constant-tsc-hpet measured here" "a run with the profile is one"
sed -i 's/stable/unstable/' "$T/run/verdict.json"
clkdrift advise --run "$T/run" --json
is "$rc $(json .at_risk)" "1 true" "unstable as measured: at risk, whatever the catalogue says"

# What programs get decides: not the raw TSC beside it, but monotonic.
echo 'clock,reference,drift_ppm,status
monotonic,acpi_pm,0.02,stable
acpi_pm,monotonic,9,unstable' >"$T/run/drift.csv"
jq -c '.clocks[0].clocksource = true' "$T/run/run.json" >"$T/new" && mv "$T/new" "$T/run/run.json"
clkdrift advise --run "$T/run" --json
is "$rc $(json .evidence)" "0 measured here" "the kernel's clocks are stable: not at risk, whatever a counter does"
like "$(json .evidence_text)" "inconclusive, drift \+0.02 ppm" "but no proof either"
sed -i 's/0.02,stable/5,unstable/' "$T/run/drift.csv"
clkdrift advise --run "$T/run" --json
is "$rc" 1 "monotonic drifts: at risk"
like "$(json '.reasons[]')" "Measured here: unstable. monotonic drifts \+5 ppm against acpi_pm" "with the number"
# A phase that upset the clocks on purpose tells nothing of the system when it is left alone.
cp "$T/run/run.json" "$T/kept.json"
jq -c '.phases[0].disturbances = [{name: "clocksource", asked: "toggle", observed: true}]' "$T/kept.json" >"$T/run/run.json"
phase=$(jq -r '.phases[0].name' "$T/run/run.json")
echo "phase,clock,reference,drift_ppm,status
$phase,monotonic,acpi_pm,5,unstable" >"$T/run/drift.csv"
clkdrift advise --run "$T/run" --json
is "$rc" 0 "a clocksource that was switched on purpose: not at risk by that"
like "$(json .evidence_text)" "inconclusive; phase $phase did things to the clocks on purpose" "and it is said"
mv "$T/kept.json" "$T/run/run.json"
echo 'clock,reference,drift_ppm
monotonic,acpi_pm,x' >"$T/run/drift.csv"
clkdrift advise --run "$T/run"
is "$rc $(wc -l <"$T/err")" "2 1" "a broken drift.csv: one line, exit code 2"

# A clock that was moved off the TSC on purpose.
cat <<-'END' | facts
	{"hypervisor":{"present":true,"name":"QEMU TCG"},"kernel":{"release":"6.1.0","machine":"x86_64"},"cpu":{"flags":{"constant_tsc":false}},
	"clocksource":{"current":"acpi_pm","available":["tsc","hpet","acpi_pm"]},"command_line":{"text":"quiet clocksource=acpi_pm"}}
END
advise
is "$rc $(json .in_force)" "0 true" "clocksource=acpi_pm on the command line and in use: not at risk"
like "$(json '.reasons[]')" "has the clocks follow acpi_pm, which is not made from the TSC" "with the reason"

# Candidate files: the advised parameters and nothing else, and a number only where it is known.
mkdir -p "$T/root/boot/grub"
printf 'default=0\ntitle CentOS\n\troot (hd0,0)\n\tkernel /vmlinuz ro root=/dev/sda1 quiet\n\tinitrd /initrd\n' >"$T/root/boot/grub/grub.conf"
cp "$T/root/boot/grub/grub.conf" "$T/before"
facts <<<'{"os":{"name":"CentOS","version":"5.4"},"arch":"x86_64","pvclock":false,"host":{"constant_tsc":false},"kernel":{"hz":1000},"tsc":{"khz":2593900}}'
advise --out "$T/made" --root "$T/root"
is "$rc $(json '[.candidates[] | select(.live | endswith("grub.conf"))] | length')" "1 1" "grub.conf is among the candidates"
is "$(diff "$T/before" "$T/made/grub.conf.kvm")" "4c4
< 	kernel /vmlinuz ro root=/dev/sda1 quiet
---
> 	kernel /vmlinuz ro root=/dev/sda1 quiet notsc lpj=2593900" "grub.conf.kvm has the parameters and nothing else"
cmp -s "$T/before" "$T/root/boot/grub/grub.conf"
ok $? "the live file is as it was"
advise --out "$T/made" --root "$T/root"
is "$rc $(wc -l <"$T/err")" "2 1" "a second time: nothing is written over, one line, exit code 2"
facts <<<'{"os":{"name":"CentOS","version":"5.4"},"arch":"x86_64","pvclock":false,"host":{"constant_tsc":false}}'
clkdrift advise --facts "$T/facts.json" --out "$T/out2" --root "$T/root"
like "$(cat "$T/out2/grub.conf.kvm")" "quiet notsc\$" "lpj=n without its number gets into no file"
printf '[boot loader]\r\ntimeout=30\r\n[operating systems]\r\nmulti(0)disk(0)rdisk(0)partition(1)\\WINDOWS="Server" /fastdetect\r\n' >"$T/boot.ini"
facts <<<'{"os":{"name":"Windows","version":"5.2"},"role":"guest"}'
clkdrift advise --facts "$T/facts.json" --out "$T/out3" --root "$T/root" --boot-ini "$T/boot.ini"
like "$(cat "$T/out3/boot.ini.kvm")" "/fastdetect /usepmtimer" "boot.ini gets its switch"
mkdir -p "$T/root/etc/sysconfig" "$T/root/sys/devices/system/cpu/cpu0/cpufreq"
printf 'MAX_SPEED=\nMIN_SPEED=\n' >"$T/root/etc/sysconfig/cpuspeed"
echo '2400000 1800000 1000000' >"$T/root/sys/devices/system/cpu/cpu0/cpufreq/scaling_available_frequencies"
facts <<<'{"role":"host","host":{"constant_tsc":false},"cpu":{"amd_revision_f":true}}'
clkdrift advise --facts "$T/facts.json" --out "$T/out4" --root "$T/root"
is "$(cat "$T/out4/cpuspeed.kvm")" "MAX_SPEED=2400000
MIN_SPEED=2400000" "cpuspeed gets the highest frequency"
like "$(cat "$T/out4/grub.conf.kvm")" "quiet processor.max_cstate=1\$" "and the host's grub.conf its parameter"
facts <<<'{"role":"host","host":{"constant_tsc":true}}'
clkdrift advise --facts "$T/facts.json" --out "$T/out5" --root "$T/root"
is "$rc $([ -e "$T/out5/grub.conf.kvm" ]; echo $?)" "0 1" "nothing asked for: no boot file"
clkdrift advise disciplined-guest --facts "$T/facts.json" --json --out "$T/made6" --root "$T/root"
is "$rc $(json .profile)" "0 disciplined-guest" "a profile by its name"
like "$(cat "$T"/made6/*.conf)" "ptp_kvm" "chrony with ptp_kvm"
clkdrift advise no-such
is "$rc $(wc -l <"$T/err")" "2 1" "no such profile: one line, exit code 2"
clkdrift advise --root "$T/root"
is "$rc $(wc -l <"$T/err")" "2 1" "--root without --out: one line, exit code 2"

# This machine, whatever it is: an answer, and the same one in both forms.
clkdrift advise
code=$rc
ok "$([ "$code" = 0 ] || [ "$code" = 1 ] || [ "$code" = 3 ]; echo $?)" "this machine gets an answer" "exit code $code: $err"
clkdrift advise --json
is "$rc $(json '.at_risk | if . == null then 3 elif . then 1 else 0 end')" "$code $code" "and the same as JSON"
clkdrift advise -q
is "$rc '$out'" "$code ''" "quiet: only the exit code"

# Bad facts.
clkdrift advise --facts "$T/nothing"
is "$rc $(wc -l <"$T/err")" "2 1" "no such file: one line, exit code 2"
facts <<<'{"a":1,'
advise
is "$rc" 2 "broken JSON: exit code 2"
like "$err" "facts.json:[0-9]+: " "with its line"
for bad in '[]' '{"facts":[]}' '{"schema":2,"facts":{}}' '{"role":"guest","role":"host"}'; do
	facts <<<"$bad"
	advise
	is "$rc $(wc -l <"$T/err")" "2 1" "refused: $bad"
done
facts <<<'{"role":7,"os":[],"kernel":{"release":{}},"cpu":{"flags":"x"},"clocksource":{"available":"tsc"},"kernel_log":{"lines":[3,{}]},"command_line":{"parameters":[1,{"name":2}]}}'
advise
is "$rc $(wc -l <"$T/err")" "2 1" "facts of wrong types are refused: one line, exit code 2"
facts <<<'{"role":"guest","os":{"name":"CentOS","version":5.4}}'
advise
is "$rc" 2 "a version that is a number: exit code 2"
like "$err" 'facts.json: os.version must be a text in quotes, as "5.4"' "with its key and what it may be"
facts <<<'{"role":"host","host":{"constant_tsc":true},"kernel_log":["Marking TSC unstable"]}'
advise
is "$rc" 2 "a log of another shape is not dropped: exit code 2"
clkdrift inspect --json
cp "$T/out" "$T/facts.json"
clkdrift advise --facts "$T/facts.json"
is "$rc" "$code" "what inspect prints is taken, with the answer for this machine"

# Where candidates go.
clkdrift advise --help
like "$out" "writes candidate files into DIR" "the help says where candidates go"

# No candidates, and why.
facts <<<'{"os":{"name":"CentOS","version":"5.3"},"role":"guest","arch":"amd64","host":{"constant_tsc":true}}'
clkdrift advise --facts "$T/facts.json" --out "$T/none" --root "$T/root"
is "$rc $([ -e "$T/none" ]; echo $?)" "0 1" "a guest that needs nothing: no candidates"
like "$out" "candidates: *none: no settings are asked for\$" "a guest that needs nothing: that is said"
clkdrift advise --facts "$T/facts.json" --out "$T/none" --root "$T/root" --json
is "$(json '.candidates | length')" 0 "a guest that needs nothing: none in JSON"
clkdrift advise guest-constant-tsc --facts "$T/facts.json" --out "$T/none" --root "$T/root"
is "$rc $(ls "$T/none")" "0 candidates.txt
libvirt-clock.xml
qemu-options.txt" "who asks for the profile by its name gets its timers"
facts <<<'{"os":{"name":"Plan 9","version":"4"},"role":"guest","host":{"constant_tsc":false},"pvclock":"no"}'
clkdrift advise --facts "$T/facts.json" --out "$T/none2" --root "$T/root"
is "$rc $([ -e "$T/none2" ]; echo $?)" "1 1" "at risk, and no profile: no candidates"
like "$out" "candidates: *none: the catalogue has no profile for this system\$" "at risk, and no profile: that is said"
facts <<<'{"os":{"name":"CentOS","version":"5.4"},"arch":"x86_64","host":{"constant_tsc":false}}'
clkdrift advise --facts "$T/facts.json" --out "$T/none2" --root "$T/root"
is "$rc" 3 "not enough facts for a profile: not known"
like "$out" "candidates: *none: it is not known which profile is for this system\$" "not enough facts for a profile: that is said"

# Files that are not there, or not used.
mkdir "$T/empty"
facts <<<'{"os":{"name":"CentOS","version":"5.3"},"arch":"amd64","role":"guest","host":{"constant_tsc":false}}'
clkdrift advise --facts "$T/facts.json" --out "$T/nowhere" --root "$T/empty"
is "$rc" 1 "no boot file: an answer"
like "$out" "not made: boot_files: the parameters got into no file: of /boot/loader/entries/\*.conf, /boot/grub/grub.conf, .*/etc/default/grub.* below $T/empty\$" "no boot file: what was looked for"
like "$(cat "$T/nowhere/candidates.txt")" "not made: boot_files: " "no boot file: candidates.txt says it too"
clkdrift advise --facts "$T/facts.json" --out "$T/somewhere" --root "$T/root" --boot-ini "$T/boot.ini"
is "$rc $(grep -c boot_files "$T/out")" "1 0" "a boot file: nothing is said of others"
like "$(tr -s ' \n' ' ' <"$T/out")" "note:.* --boot-ini $T/boot.ini was not used: profile centos-5.3-x86_64 is not for Windows\." "boot.ini for a Linux: it is told that it was not used"
is "$([ -e "$T/somewhere/boot.ini.kvm" ]; echo $?)" 1 "boot.ini for a Linux: no candidate"
for bad in "--root $T/nothing" "--root $T/boot.ini" "--boot-ini $T/nothing" "--boot-ini $T"; do
	clkdrift advise --facts "$T/facts.json" --out "$T/refused" $bad
	is "$rc $(wc -l <"$T/err") '$out' $([ -e "$T/refused" ]; echo $?)" "2 1 '' 1" "refused: ${bad//$T/DIR}"
	like "$err" "${bad#* }: " "refused: the reason"
done
facts <<<'{"os":{"name":"Windows","version":"10.0"},"role":"guest","hypervisor":{"name":"KVM"}}'
clkdrift advise windows-hyperv-clock --facts "$T/facts.json" --out "$T/somewhere2" --root "$T/root" --boot-ini "$T/boot.ini" --json
like "$(json '.notes[]')" "was not used: profile windows-hyperv-clock has no switch for it" "boot.ini for a newer Windows: it is told that it was not used"
clkdrift advise --root "$T/root" --out "$T/somewhere3" --json
like "$(json '.notes[]')" "The advice is for this machine; the files are those below $T/root. Give --facts" "files of another system, and no facts of it: that is told"
clkdrift advise --root / --out "$T/somewhere4" --json
is "$(json '.notes[]' | grep -c 'is for this machine')" 0 "files of this machine: nothing is to be told"
clkdrift advise --facts "$T/facts.json" --root "$T/root" --out "$T/somewhere5" --json
is "$(json '.notes[]' | grep -c 'is for this machine')" 0 "facts of another system: nothing is to be told"

# Windows, old and new; what is no Windows in boot.ini.
facts <<<'{"os":{"name":"Windows","version":"5.1"},"role":"guest"}'
printf 'C:\\="Old"\r\nC:\\CMDCONS\\BOOTSECT.DAT="Recovery Console" /cmdcons\r\n' >>"$T/boot.ini"
clkdrift advise --facts "$T/facts.json" --out "$T/xp" --root "$T/root" --boot-ini "$T/boot.ini"
is "$rc $(cd "$T/xp" && echo *)" "1 boot.ini.kvm candidates.txt libvirt-clock.xml qemu-options.txt windows.txt" "XP: its candidates"
is "$(grep -l 'hv-\|hyperv\|bcdedit\|Give the file' "$T"/xp/*)" "" "XP: nothing that only later ones know, and no asking for the file that was given"
is "$(grep -c usepmtimer "$T/xp/boot.ini.kvm") $(tail -n 2 "$T/xp/boot.ini.kvm")" "1 $(tail -n 2 "$T/boot.ini")" "XP: entries of boot sectors stay as they are"
facts <<<'{"os":{"name":"Windows","version":"6.1"},"role":"guest","hypervisor":{"present":true,"name":"KVM"}}'
clkdrift advise --facts "$T/facts.json" --out "$T/seven" --root "$T/root"
is "$(cd "$T/seven" && grep -l 'hv-time\|hypervclock' * | tr '\n' ' ')" "libvirt-clock.xml qemu-options.txt windows.txt " "Windows 7: the enlightenments"
printf 'id,role,guest_os,parameters,source\nany-windows,guest,Windows,/usepmtimer,x\n' >"$T/any.csv"
facts <<<'{"os":{"name":"Windows","version":"5.2"},"role":"guest"}'
clkdrift advise any-windows --catalogue "$T/any.csv" --facts "$T/facts.json" --out "$T/any" --root "$T/root"
is "$rc $(grep -l 'hv-\|hyperv' "$T"/any/*)" "1 " "a profile for any Windows: the facts say which one it is"

# ---- what was asked for and what is in force ----

guest='"role":"guest","arch":"x86_64","kernel":{"release":"6.1.0"},"pvclock":false,"cpu":{"flags":{"constant_tsc":false,"nonstop_tsc":false}}'
facts <<<"{$guest,\"clocksource\":{\"current\":\"tsc\",\"available\":[\"tsc\",\"hpet\"]},\"command_line\":\"clocksource=hpet\"}"
clkdrift advise --facts "$T/facts.json" --json
is "$rc $(json .parameters) $(json .in_force)" "1 clocksource=hpet false" "a clocksource that was asked for and is not in use is not in force"
like "$(json '.reasons[]')" "clocksource=hpet was asked for on the command line, and tsc is in use" "which is said"
facts <<<"{$guest,\"clocksource\":{\"available\":[\"tsc\",\"hpet\"]},\"command_line\":\"clocksource=hpet clocksource=tsc\"}"
clkdrift advise --facts "$T/facts.json" --json
is "$rc $(json .in_force)" "1 false" "of two words with one name the last counts"
facts <<<"{$guest,\"clocksource\":{\"current\":\"hpet\",\"available\":[\"hpet\",\"acpi_pm\"]}}"
clkdrift advise acpi-pm --facts "$T/facts.json" --json
is "$(json .profile) $(json .in_force)" "acpi-pm false" "of a profile by name it is said whether that one is in force"
facts <<-'END'
	{"role":"guest","kernel":{"release":"6.1.0"},"cpu":{"flags":{"constant_tsc":true,"nonstop_tsc":true}},"cpuid":{"kvm":{"clocksource_stable":false}},
	"clocksource":{"current":"kvm-clock","available":["kvm-clock"]},"kernel_log":{"lines":[],"from_boot":true}}
END
clkdrift advise --facts "$T/facts.json" --json
is "$rc" 1 "a danger that no profile is against is a risk all the same"
like "$(json '.reasons[]')" "does not mark its kvm-clock stable" "with its reason"
finish
