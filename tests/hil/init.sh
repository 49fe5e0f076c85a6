#!/bin/busybox sh
# First program of the guest: this machine's own files, read only, with a layer of memory over them; then the script.
B=/bin/busybox
$B mount -t proc proc /proc; $B mount -t sysfs sys /sys; $B mount -t devtmpfs dev /dev
while read module; do $B insmod /m/$module 2>/dev/null; done < /m/order
$B mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=512000 root /ro || $B poweroff -f
$B mount -t tmpfs rw /rw; $B mkdir /rw/u /rw/w
$B mount -t overlay -o lowerdir=/ro,upperdir=/rw/u,workdir=/rw/w over /new
$B mkdir -p /new/proc /new/sys /new/dev /new/m; $B cp /m/* /new/m/; $B cp /bin/busybox /new/m/
for d in proc sys dev; do $B mount --move /$d /new/$d; done
exec $B switch_root /new /m/busybox sh -c '
    export PATH=/usr/sbin:/usr/bin:/sbin:/bin PYTHONDONTWRITEBYTECODE=1
    mkdir -p /dev/pts; mount -t devpts pts /dev/pts; mount -t tmpfs run /run; mount -t configfs none /sys/kernel/config
    eval "$(/m/busybox tr " " "\n" < /proc/cmdline | /m/busybox grep "^hil_")"
    mkdir -p /etc/udev/rules.d; cp $hil_home/config/udev/70-vaxdesk.rules /etc/udev/rules.d/
    echo "ATTRS{idVendor}==\"1a86\", ATTRS{idProduct}==\"5410\", ENV{VAXDESK_SCANNER}=\"1\"" > /etc/udev/rules.d/69-vaxdesk-local.rules
    /lib/systemd/systemd-udevd --daemon 2>/dev/null; udevadm trigger; udevadm settle
    cd $hil_home; $hil_python -m tests.hil.guest 2>&1
    /m/busybox poweroff -f'
