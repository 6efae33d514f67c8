#!/bin/sh
# The first process of a guest; see guest.go. The kernel gives it the GUEST variables.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs dev /dev
mount -t tmpfs run /run
mkdir -p /dev/pts /run/modules/lib /run/etc /run/sstpc
mount -t devpts devpts /dev/pts -o ptmxmode=0666
mknod /dev/ppp c 108 0
mknod /dev/null c 1 3
mknod /dev/urandom c 1 9
mknod /dev/random c 1 8
ln -s pts/ptmx /dev/ptmx
ln -s /usr/lib/uml/modules /run/modules/lib/modules
for m in ppp_async ppp_mppe; do modprobe -d /run/modules $m; done
ip link set lo up
ip address add "$GUEST_ADDRESS" dev vec0
ip link set vec0 up
ip route add default via "$GUEST_ROUTE"
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
mount -t tmpfs ppp /etc/ppp
touch /etc/ppp/options
{ cat /etc/hosts; echo "$GUEST_ROUTE $GUEST_NAME"; } >/run/etc/hosts
mount --bind /run/etc/hosts /etc/hosts
sh "$GUEST/script.sh" 2>&1
echo ended
echo o >/proc/sysrq-trigger
sleep 5
