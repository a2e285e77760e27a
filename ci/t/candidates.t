#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
#
# Candidate files: the difference against diff -u, live files that are never opened for writing, full disks.
. ci/t/lib.sh
BUILD=${BUILD:-$PWD/build}

make_candidates() { # KEY=VALUE...: rc, out and err say what came of it
	rc=0
	"$BUILD/ci/candidates" "$@" >"$T/out" 2>"$T/err" || rc=$?
	out=$(tr -d '\0' <"$T/out")
	err=$(tr -d '\0' <"$T/err")
}

root=$T/root
mkdir -p "$root"/boot/grub "$root"/boot/loader/entries "$root"/boot/efi/loader/entries "$root"/etc/{default/grub.d,kernel,sysconfig,chrony} \
	"$root"/sys/devices/system/cpu/cpu{0,1}/cpufreq
golden=ci/golden/boot
cp $golden/grub-rhel5/live "$root/boot/grub/grub.conf"
ln -s grub.conf "$root/boot/grub/menu.lst"
cp $golden/bls-kernelopts/live "$root/boot/loader/entries/centos.conf"
cp $golden/bls-options/live "$root/boot/efi/loader/entries/debian.conf"
cp $golden/cmdline/live "$root/etc/kernel/cmdline"
cp $golden/cpuspeed/live "$root/etc/sysconfig/cpuspeed"
printf 'GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX="console=ttyS0 clocksource=tsc"\nGRUB_CMDLINE_LINUX_DEFAULT=quiet\n' >"$root/etc/default/grub"
printf 'server a.example\nconfdir /etc/chrony/conf.d\n' >"$root/etc/chrony/chrony.conf"
echo "1000000 1800000 " >"$root/sys/devices/system/cpu/cpu0/cpufreq/scaling_available_frequencies"
echo "1000000 2600000 " >"$root/sys/devices/system/cpu/cpu1/cpufreq/scaling_available_frequencies"
cp $golden/boot-ini/live "$T/boot.ini"
(cd "$root" && find . -type f -exec sha256sum {} +) >"$T/before"

everything=(role=guest "parameters=clocksource=acpi_pm lpj=2596120 /usepmtimer" "host=cpuspeed: MIN_SPEED and MAX_SPEED"
	"note=ptp_kvm" "hypervisor=-cpu host,+invtsc" tsc_khz=2596120 "root=$root" "boot_ini=$T/boot.ini")
make_candidates "${everything[@]}" "out=$T/all"
is "$rc" 0 "everything: made" "$err"
is "$(cd "$T/all" && echo *)" "boot-centos.conf boot.ini.kvm candidates.txt clkdrift-governor.service clkdrift-ptp_kvm.conf clkdrift-ptp_kvm.modules.conf cpuspeed.kvm efi-debian.conf grub.conf.kvm kernel-cmdline libvirt-clock.xml qemu-options.txt windows.txt zz-clkdrift.cfg" "each file, and menu.lst, a link to grub.conf, only once"
is "$(cd "$root" && find . -type f -exec sha256sum {} +)" "$(cat "$T/before")" "no live file changed"

# The difference that is shown is the one that diff sees.
"$BUILD/ci/candidates" "${everything[@]}" "out=$T/json" json=1 >"$T/report.json"
wrong=""
while read -r i; do
	jq -j ".[$i].difference" "$T/report.json" >"$T/shown"
	live=$(jq -r ".[$i].live" "$T/report.json")
	diff -u --label "${live:-/dev/null}" --label "$(jq -r ".[$i].path" "$T/report.json")" "${live:-/dev/null}" \
		"$(jq -r ".[$i].path" "$T/report.json")" >"$T/seen"
	cmp -s "$T/shown" "$T/seen" || wrong="$wrong $(jq -r ".[$i].writer" "$T/report.json")"
done < <(jq -r 'to_entries[] | select(.value.path != "") | .key' "$T/report.json")
is "$wrong" "" "the shown difference is that of diff -u"
is "$(jq '[.[] | select(.path != "")] | length' "$T/report.json")" 13 "JSON has them all"

is "$(tail -n 1 "$T/all/zz-clkdrift.cfg")" 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX clocksource=acpi_pm lpj=2596120"' "the drop-in has no switch of Windows"
is "$(. "$root/etc/default/grub"; . "$T/all/zz-clkdrift.cfg"; echo "$GRUB_CMDLINE_LINUX")" "console=ttyS0 clocksource=tsc clocksource=acpi_pm lpj=2596120" "the drop-in adds to what is there, as a shell reads it"
like "$out" "etc/default/grub:2: clocksource=tsc is there and contradicts clocksource=acpi_pm" "what contradicts it in /etc/default/grub is told"
is "$(grep SPEED= "$T/all/cpuspeed.kvm" | grep -v '^#' | tr -s '\t' ' ' | tr '\n' ' ')" 'MAX_SPEED=2600000 MIN_SPEED=2600000 # see scaling_available_frequencies ' "cpuspeed: the highest frequency of all CPUs"
like "$(cat "$T/all/candidates.txt")" 'grubby --update-kernel=ALL --args="clocksource=acpi_pm lpj=2596120' "candidates.txt: grubby's command"
like "$(cat "$T/all/candidates.txt")" 'changed: 3 of 3 entries; checked: nothing else differs' "candidates.txt: what was checked"
for word in "Back up" "Rename" "Reboot" "update-grub" "kernel-install" "systemctl enable" "chronyc sources" "virsh edit" "bcdedit"; do
	grep -q "$word" "$T/all/candidates.txt" "$T/all/windows.txt" || say "no '$word'"
	grep -q "$word" "$T/all/candidates.txt" "$T/all/windows.txt"
	ok $? "said: $word"
done

said=$(xmllint --noout "$T/all/libvirt-clock.xml" 2>&1)
ok $? "libvirt's XML is well-formed" "$said"
is "$(xmllint --xpath 'string(/domain/clock/timer[@name="tsc"]/@frequency)' "$T/all/libvirt-clock.xml")" 2596120000 "libvirt: the frequency of the TSC in Hz"
if command -v qemu-system-x86_64 >/dev/null; then
	# Without KVM there is no CPU "host" nor a PIT of KVM's: the other options, and the names of the CPU's properties.
	read -ra options <<<"$(grep -v '^-cpu\|kvm-pit' "$T/all/qemu-options.txt" | tr '\n' ' ')"
	said=$(echo quit | timeout 20 qemu-system-x86_64 "${options[@]}" -display none -monitor stdio -S 2>&1)
	ok $? "QEMU takes the options" "$said"
	cpu=$(sed -n 's/^-cpu host,/qemu64,/p' "$T/all/qemu-options.txt")
	said=$(echo quit | timeout 20 qemu-system-x86_64 -cpu "$cpu" -display none -monitor stdio -S 2>&1)
	ok $? "QEMU knows the properties of -cpu" "$said"
else
	skip "QEMU takes the options" "it is not installed"
	skip "QEMU knows the properties of -cpu" "it is not installed"
fi
if command -v systemd-analyze >/dev/null; then
	said=$(systemd-analyze verify "$T/all/clkdrift-governor.service" 2>&1 | grep clkdrift-governor)
	is "$said" "" "systemd takes the unit"
else
	skip "systemd takes the unit" "it is not installed"
fi

# What the unit does, on a tree that is like sysfs: the second policy has no frequencies, the third takes none.
governed() { # UNIT: governor and lowest frequency of each policy afterwards
	local start
	rm -rf "$T/cpufreq" && mkdir -p "$T"/cpufreq/policy{0,1,2,3}
	for p in 0 1 2 3; do echo powersave >"$T/cpufreq/policy$p/scaling_governor"; done
	for p in 0 2 3; do echo $((2000000 + p)) >"$T/cpufreq/policy$p/cpuinfo_max_freq"; done
	echo 800000 | tee "$T"/cpufreq/policy{0,3}/scaling_min_freq >/dev/null
	mkdir "$T/cpufreq/policy2/scaling_min_freq"
	start=$(sed -n "s|^ExecStart=/bin/sh -c '\(.*\)'\$|\1|p" "$1" | sed "s|/sys/devices/system/cpu/cpufreq|$T/cpufreq|g; s|[$][$]|$|g")
	ruled=0
	(cd / && sh -c "$start") >/dev/null 2>&1 || ruled=$?
	(cd "$T/cpufreq" && cat policy*/scaling_governor policy{0,3}/scaling_min_freq) | tr '\n' ' '
}
is "$(governed "$T/all/clkdrift-governor.service")" "performance performance performance performance 2000000 2000003 " "the unit sets governor and lowest frequency of each policy that has one"
governed "$T/all/clkdrift-governor.service" >/dev/null
is "$ruled" 1 "the unit fails where one cannot be set"
make_candidates role=host "host=hold the CPU frequency: governor performance, scaling_min_freq = the highest" "root=$root" "out=$T/held"
is "$(governed "$T/held/clkdrift-governor.service")" "performance performance performance performance 2000000 2000003 " "the same where the settings name scaling_min_freq"
make_candidates role=host "host=governor performance" "root=$root" "out=$T/ruled"
is "$(governed "$T/ruled/clkdrift-governor.service")" "performance performance performance performance 800000 800000 " "the governor alone where only that is asked for"
if command -v systemd-analyze >/dev/null; then
	said=$(systemd-analyze verify "$T/held/clkdrift-governor.service" 2>&1 | grep clkdrift-governor)
	is "$said" "" "systemd takes that unit"
else
	skip "systemd takes that unit" "it is not installed"
fi

# ---- files on the EFI system partition ----

mkdir -p "$T"/uefi/boot/efi/EFI/{redhat,fedora} "$T"/uefi/boot/{loader/entries,grub2}
cp $golden/grub-rhel5/live "$T/uefi/boot/efi/EFI/redhat/grub.conf"
printf 'linux /vmlinuz\noptions $kernelopts\n' >"$T/uefi/boot/loader/entries/a.conf"
printf 'kernelopts=ro clocksource=tsc\n' | tee "$T/uefi/boot/efi/EFI/fedora/grubenv" >"$T/uefi/boot/efi/EFI/redhat/grubenv"
ln -s ../efi/EFI/redhat/grubenv "$T/uefi/boot/grub2/grubenv"
make_candidates parameters=clocksource=acpi_pm "root=$T/uefi" "out=$T/uefi-out"
is "$(cd "$T/uefi-out" && echo *)" "boot-a.conf candidates.txt grub.conf.kvm" "EFI: grub.conf of RHEL 6 is found"
is "$(grep -c "EFI/fedora/grubenv:1: clocksource=tsc is there and contradicts clocksource=acpi_pm" "$T/uefi-out/candidates.txt")" 1 "EFI: a contradiction in its grubenv is told"
is "$(grep -c "grubenv:1: clocksource=tsc is there" "$T/uefi-out/candidates.txt")" 2 "EFI: a grubenv and the link to it are one"
make_candidates parameters=clocksource=acpi_pm "root=$T/uefi" "out=$T/uefi/boot/efi/EFI/fedora"
like "$err" "holds live files" "EFI: no directory for candidates"

# ---- a large file ----

mkdir -p "$T/large/boot/grub"
perl -e 'print "default=0\n"; print "title $_\n\troot (hd0,0)\n\tkernel /vmlinuz-$_ ro clocksource=tsc quiet\n\tinitrd /initrd-$_\n" for 1 .. 2500' >"$T/large/boot/grub/grub.conf"
make_candidates parameters=notsc "root=$T/large" "out=$T/large-out"
is "$rc" 0 "10,000 lines: made" "$err"
is "$(diff <(sed 's/ clocksource=tsc quiet/ quiet notsc/' "$T/large/boot/grub/grub.conf") "$T/large-out/grub.conf.kvm" | wc -l)" 0 "10,000 lines: each kernel line, and nothing else"
like "$(cat "$T/large-out/candidates.txt")" "changed: 2500 of 2500 entries" "10,000 lines: counted"

# ---- live files are never opened for writing ----

opened() { # TRACE: calls that could change a file below root, or make one beside a live one
	grep -aE "$root|boot\.ini" "$1" | grep -aE 'O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|rename|unlink|truncate|chmod|chown|link\(|creat\(|utime' |
		grep -avE '^[^"]*"[^"]*/out-traced/|execve|readlink'
}
if command -v strace >/dev/null && strace -f -o /dev/null true 2>/dev/null; then
	strace -f -y -qq -o "$T/trace" -e trace=%file,ftruncate,fchmod "$BUILD/ci/candidates" "${everything[@]}" "out=$T/out-traced" >/dev/null
	is "$?" 0 "traced: made"
	is "$(opened "$T/trace")" "" "no call opens a live file for writing, renames or removes it"
	is "$(grep -aEc "<$root>, \"/boot/grub/grub.conf\", \{flags=O_RDONLY[^P]*, resolve" "$T/trace")" 2 "it is opened for reading: to make, and to check"
	# The same look at a program that does write: it must be seen.
	strace -f -y -qq -o "$T/trace" -e trace=%file,ftruncate,fchmod sh -c 'cat "$1" >"$1.new" && mv "$1.new" "$1"' sh "$root/boot/grub/grub.conf"
	like "$(opened "$T/trace")" "rename" "one that replaces it is seen"
	strace -f -y -qq -o "$T/trace" -e trace=%file,ftruncate,fchmod sh -c ': >>"$1"' sh "$root/boot/grub/grub.conf"
	like "$(opened "$T/trace")" "O_WRONLY" "one that opens it for writing is seen"
	# A kernel that cannot keep links below the root.
	echo '{"role":"guest","arch":"x86_64","kernel":{"release":"6.1.0"}}' >"$T/old.json"
	strace -f -qq -o "$T/trace" -e trace=openat2 -e inject=openat2:error=ENOSYS \
		"$CLKDRIFT" advise acpi-pm --facts "$T/old.json" --out "$T/old" --root "$root" >"$T/out" 2>"$T/err"
	is "$? $(wc -l <"$T/err")" "2 1" "a kernel without openat2(): one line, exit code 2"
	like "$(cat "$T/err")" "root: cannot look below it, which takes openat2.. of Linux 5.6: Function not implemented" "a kernel without openat2(): the reason"
else
	skip "no call opens a live file for writing" "strace is not installed, or may not trace here"
fi
if [ "$(id -u)" = 0 ] && chattr +i "$root/boot/grub/grub.conf" 2>/dev/null; then
	on_exit "chattr -i $root/boot/grub/grub.conf"
	make_candidates parameters=notsc "root=$root" "out=$T/immutable"
	is "$rc" 0 "an immutable live file: made" "$err"
	(: >>"$root/boot/grub/grub.conf") 2>/dev/null
	is $? 1 "it is one that nobody can open for writing"
	chattr -i "$root/boot/grub/grub.conf"
else
	skip "an immutable live file" "takes root and a file system that knows it"
fi

# ---- what is refused ----

refused_candidates() { # NAME REGEX KEY=VALUE...
	local name=$1 regex=$2
	shift 2
	make_candidates "$@"
	is "$rc $(wc -l <"$T/err")" "2 1" "$name: one line, exit code 2"
	like "$err" "$regex" "$name: the reason"
}
refused_candidates "the live directory" "holds live files; give another directory" parameters=notsc "root=$root" "out=$root/boot/grub"
refused_candidates "the directory of boot.ini" "holds live files" parameters=/usepmtimer "root=$root" "boot_ini=$T/boot.ini" "out=$T/."
refused_candidates "a second time" "all/.*: is there already" "${everything[@]}" "out=$T/all"
refused_candidates "a file for a directory" "is no directory" parameters=notsc "root=$root" "out=$T/boot.ini"
refused_candidates "no parent" "cannot make the directory: No such file" parameters=notsc "root=$root" "out=$T/none/out"
is "$(cd "$root" && find . -type f -exec sha256sum {} +)" "$(cat "$T/before")" "no live file changed after all that"

rm -rf "$T/none" && mkdir -p "$T/none/boot/grub"
cp $golden/grub-no-kernel/live "$T/none/boot/grub/grub.conf"
make_candidates parameters=notsc "root=$T/none" "out=$T/none-out"
is "$rc" 1 "no kernel line: none made"
like "$out" "not made: grub_conf: .*: no line boots a Linux kernel" "no kernel line: the reason"
ok "$([ ! -e "$T/none-out" ]; echo $?)" "no kernel line: no directory left"

# An ordinary user and a directory that is not his.
if [ "$(id -u)" = 0 ] && chmod 755 "$T" && mkdir "$T/closed" && setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$BUILD/ci/candidates" 2>/dev/null; then
	rc=0
	setpriv --reuid=65534 --regid=65534 --clear-groups "$BUILD/ci/candidates" parameters=notsc "root=$root" "out=$T/closed" >"$T/out" 2>"$T/err" || rc=$?
	is "$rc $(wc -l <"$T/err")" "2 1" "a directory that cannot be written: one line, exit code 2"
	like "$(cat "$T/err")" "cannot write: Permission denied" "a directory that cannot be written: the reason"
else
	skip "a directory that cannot be written" "takes root and setpriv"
fi

# A disk that fills up in the middle: all or none.
if [ "$(id -u)" = 0 ] && mkdir "$T/small" && mount -t tmpfs -o size=32k,nr_inodes=64 none "$T/small" 2>/dev/null; then
	on_exit "umount $T/small"
	refused_candidates "a full disk" "cannot write: No space left" parameters=notsc "root=$T/large" "out=$T/small/out"
	is "$(find "$T/small" -mindepth 1)" "" "a full disk: nothing stays"
	umount "$T/small"
else
	skip "a full disk" "takes root and tmpfs"
fi
# What counts in /etc/default/grub and grub.d: the last assignment, and the second variable behind the first.
counted() { # lines of /etc/default/grub on stdin, and more files of grub.d as NAME TEXT...: what became of the drop-in
	rm -rf "$T/counted" "$T/counted-root"
	mkdir -p "$T/counted-root/etc/default/grub.d"
	while [ $# -gt 0 ]; do
		echo "$2" >"$T/counted-root/etc/default/grub.d/$1"
		shift 2
	done
	cat >"$T/counted-root/etc/default/grub"
	echo '{"role":"guest","arch":"x86_64","kernel":{"release":"6.1.0"}}' >"$T/counted.json"
	clkdrift advise acpi-pm --facts "$T/counted.json" --out "$T/counted" --root "$T/counted-root"
}
counted <<'END'
GRUB_CMDLINE_LINUX="clocksource=acpi_pm"
GRUB_CMDLINE_LINUX_DEFAULT="quiet clocksource=tsc"
END
like "$out" "etc/default/grub and grub.d: have the parameters, but .*default/grub:2: clocksource=tsc is there and contradicts clocksource=acpi_pm: see to it by hand" "a parameter that a later word overrides is not there already"
counted <<'END'
GRUB_CMDLINE_LINUX="clocksource=acpi_pm"
GRUB_CMDLINE_LINUX="quiet"
END
like "$(cat "$T/counted/zz-clkdrift.cfg")" 'clocksource=acpi_pm"$' "a parameter of an assignment that another one replaces is not there"
counted <<'END'
export GRUB_CMDLINE_LINUX="quiet"
GRUB_CMDLINE_LINUX+=" clocksource=acpi_pm"
END
like "$out" "etc/default/grub and grub.d: have the parameters already" "export and += are read"
counted <<'END'
GRUB_CMDLINE_LINUX=quiet # clocksource=acpi_pm
END
like "$(cat "$T/counted/zz-clkdrift.cfg")" 'clocksource=acpi_pm"$' "a parameter in a comment is not there"

contradicted() { # FILE:LINE and what is said of it
	like "$(cat "$T/counted/zz-clkdrift.cfg")" 'clocksource=acpi_pm"$' "$2: made"
	like "$(cat "$T/counted/candidates.txt")" "note: .*/etc/default/$1: clocksource=tsc is there and contradicts clocksource=acpi_pm" "$2: told"
}
counted <<'END'
GRUB_CMDLINE_LINUX_DEFAULT="quiet \
clocksource=tsc"
END
contradicted grub:2 "a value that goes on in the next line"
counted <<'END'
GRUB_CMDLINE_LINUX_DEFAULT="clocksource=tsc"
GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT quiet"
END
contradicted grub:1 "a value that is used again"
counted <<'END'
GRUB_CMDLINE_LINUX_DEFAULT="quiet"" clocksource=tsc"
END
contradicted grub:1 "a value of two pieces"
counted 50-cloudimg-settings.cfg 'GRUB_CMDLINE_LINUX_DEFAULT="console=tty1 clocksource=tsc"' <<'END'
GRUB_CMDLINE_LINUX_DEFAULT=quiet
END
contradicted grub.d/50-cloudimg-settings.cfg:1 "another drop-in"
counted 50-cloudimg-settings.cfg 'GRUB_CMDLINE_LINUX_DEFAULT="console=tty1"' <<'END'
GRUB_CMDLINE_LINUX_DEFAULT="quiet clocksource=tsc"
END
is "$(grep -c contradicts "$T/counted/candidates.txt")" 0 "a value that another drop-in replaces contradicts nothing"
counted local.cfg 'GRUB_CMDLINE_LINUX="console=tty1 clocksource=tsc"' <<'END'
GRUB_CMDLINE_LINUX=quiet
END
contradicted grub.d/local.cfg:1 "a drop-in that sets the variable anew"
cp "$T/counted/zz-clkdrift.cfg" "$T/counted-root/etc/default/grub.d"
is "$(cat "$T/counted-root/etc/default/grub" "$T"/counted-root/etc/default/grub.d/*.cfg - <<<'echo "$GRUB_CMDLINE_LINUX"' | sh)" \
	"console=tty1 clocksource=tsc clocksource=acpi_pm" "and is read before ours"
counted zzz.cfg GRUB_CMDLINE_LINUX=quiet </dev/null
like "$out" "not made: grub_default: .*a file that is read after zz-clkdrift.cfg sets GRUB_CMDLINE_LINUX anew" "one that is read after ours: the reason"
counted zz-clkdrift.cfg 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX clocksource=acpi_pm"' </dev/null
like "$out" "have the parameters already" "an installed drop-in is not made again"
counted zz-clkdrift.cfg 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX clocksource=hpet"' </dev/null
is "$(grep -c contradicts "$T/counted/candidates.txt")" 0 "what an older drop-in says goes with it"
counted <<'END'
GRUB_CMDLINE_LINUX="$(cat /etc/words)"
[ -f /etc/more ] && GRUB_CMDLINE_LINUX_DEFAULT=quiet
END
is "$(grep -o "grub:[12]: what is set here only a shell can tell" "$T/counted/candidates.txt" | tr '\n' ' ')" \
	"grub:1: what is set here only a shell can tell grub:2: what is set here only a shell can tell " "what is not followed is told"

finish
