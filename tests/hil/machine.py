"""A PC in the PC: QEMU boots Debian's kernel over this machine's own files, so that real drivers meet emulated devices.

The kernel's package is fetched once into .deps/hil by apt (70 MB); nothing of this machine is written to.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".deps" / "hil"
MODULES = (
    "virtio_pci", "9p", "9pnet_virtio", "overlay", "evdev", "usbhid", "hid-generic", "cdc-acm", "usblp", "dummy_hcd",
    "libcomposite", "usb_f_hid", "usb_f_acm", "usb_f_printer",
)  # fmt: skip
BOOT_S = 240
_TOOLS = {"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static", "cpio": "cpio", "modprobe": "kmod",
          "udevadm": "udev"}  # fmt: skip


class Missing(Exception):
    """What this machine lacks to run another one."""


def run_guest() -> list[str]:
    """Boot, run tests.hil.guest, and give what it said after "HIL ". Raises Missing."""
    _prepare()
    console = f"console=ttyS0 quiet panic=-1 mitigations=off hil_home={ROOT} hil_python={sys.executable}"
    command = [
        "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024", "-nodefaults",
        "-no-reboot", "-display", "none", "-kernel", str(HOME / "vmlinuz"), "-initrd", str(HOME / "initrd.gz"),
        "-append", console, "-serial", "stdio",
        "-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
        "-device", "virtio-9p-pci,fsdev=root,mount_tag=root",
    ]  # fmt: skip
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=BOOT_S, check=False)
    (HOME / "console.log").write_bytes(done.stdout + done.stderr)
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    return [line.partition("HIL ")[2].strip() for line in lines if line.startswith("HIL ")]


def _prepare() -> None:
    if os.geteuid():
        raise Missing("needs root, to read all of this machine's files")
    lacking = [package for tool, package in _TOOLS.items() if not shutil.which(tool)]
    if lacking:
        raise Missing(f"needs {' '.join(lacking)} (apt-get install)")
    HOME.mkdir(parents=True, exist_ok=True)
    if not (HOME / "vmlinuz").exists():
        _fetch_kernel()
    _make_initrd()


def _fetch_kernel() -> None:
    told = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], capture_output=True, text=True, check=False)
    package = re.search(r"Depends: (linux-image-\S+)", told.stdout)
    if not package:
        raise Missing("needs Debian's package lists (apt-get update) to find its kernel")
    fetched = subprocess.run(["apt-get", "download", package[1]], cwd=HOME, capture_output=True, text=True, check=False)
    if fetched.returncode:
        raise Missing(f"needs a Debian mirror: {fetched.stderr.strip()[-200:]}")
    (deb,) = HOME.glob("linux-image-*.deb")
    subprocess.run(["dpkg-deb", "-x", deb, HOME / "kernel"], check=True)
    deb.unlink()
    subprocess.run(["depmod", "-b", HOME / "kernel", _version()], check=True)
    shutil.copy(next((HOME / "kernel/boot").glob("vmlinuz-*")), HOME / "vmlinuz")


def _version() -> str:
    return next((HOME / "kernel/lib/modules").iterdir()).name


def _make_initrd() -> None:
    """busybox, the modules in the order they need, and init.sh."""
    tree = HOME / "initrd"
    shutil.rmtree(tree, ignore_errors=True)
    for folder in ("bin", "m", "proc", "sys", "dev", "ro", "rw", "new"):
        (tree / folder).mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "", tree / "bin/busybox")
    shutil.copy(Path(__file__).with_name("init.sh"), tree / "init")
    (tree / "init").chmod(0o755)
    order: dict[str, None] = {}
    for module in MODULES:
        ask = ["modprobe", "-S", _version(), "-d", HOME / "kernel", "--show-depends", module]
        told = subprocess.run(ask, capture_output=True, text=True, check=True)
        for line in told.stdout.splitlines():
            if line.startswith("insmod "):
                path = Path(line.split()[1])
                shutil.copy(path, tree / "m" / path.name)
                order[path.name + (" num=3" if "dummy_hcd" in path.name else "")] = None
    (tree / "m/order").write_text("\n".join(order) + "\n")
    pack = f"find . | cpio -o -H newc --quiet | gzip -1 > {HOME / 'initrd.gz'}"
    subprocess.run(["sh", "-c", pack], cwd=tree, check=True)
