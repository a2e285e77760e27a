#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
# shellcheck shell=dash
#
# The init of a lab guest: runs /lab/run, packs what it left, powers off.  Says how far it
# is on the second serial port; the console is for the kernel and for errors.
export PATH=/bin LD_LIBRARY_PATH=/lib CLKDRIFT_DATADIR=/share HOME=/

/bin/busybox mkdir -p /dev /proc /sys /tmp /run /out
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox --install -s /bin
say() { echo "$1" >/dev/ttyS1; }
stty -F /dev/ttyS1 raw -echo
say init

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mount -t tmpfs out /out
mkdir -p /dev/shm /dev/pts /out/guest
mount -t tmpfs shm /dev/shm
hostname -F /lab/hostname
while read -r module; do
	insmod "/lab/modules/$module" || echo "clkdrift-lab: cannot load $module"
done </lab/modules.list

# A clock that is right when the run begins: set once, then disciplined.
if [ -e /etc/chrony/chrony.conf ]; then
	ifconfig lo 127.0.0.1
	ifconfig eth0 10.0.2.15
	chronyd -q -t 10 -u root 2>/out/guest/daemon.log
	chronyd -d -u root 2>>/out/guest/daemon.log &
	left=100
	while [ "$left" -gt 0 ] && adjtimex | grep -q UNSYNC; do
		usleep 100000
		left=$((left - 1))
	done
	[ "$left" -gt 0 ] || echo "clkdrift-lab: chronyd has not synchronised the clock: $(tail -n 1 /out/guest/daemon.log)"
fi

say sampling
sh /lab/run 2>/out/guest/stderr >/dev/null </dev/null
echo $? >/out/guest/exit
cat /out/guest/stderr
dmesg >/out/guest/dmesg.log
[ -d /out/run ] && mv /out/run/* /out/ && rmdir /out/run

if [ -b /dev/vda ]; then
	cd /out && tar -cf /dev/vda ./* && sync && say packed
else
	say no-disk
fi
poweroff -f
