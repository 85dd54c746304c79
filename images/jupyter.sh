# The base with Python 3 and JupyterLab in /opt/jupyter. Arguments: base tree (tar), tar file to make.
work=$(mktemp -d)
finish() {
    for place in dev proc; do umount -l "$work/root/$place" 2>/dev/null || true; done
    rm -rf --one-file-system "$work"
}
trap finish EXIT
mkdir "$work/root"
tar --numeric-owner -C "$work/root" -xf "$1"
# The build uses the network and the package sources of this machine; nothing of them stays in the image.
cp /etc/resolv.conf "$work/root/etc/resolv.conf"
mount -t proc proc "$work/root/proc"
mount --rbind /dev "$work/root/dev"
mount --make-rslave "$work/root/dev"
bundle=etc/ssl/certs/ca-certificates.crt
cp "$work/root/$bundle" "$work/own.crt"
[ ! -f "/$bundle" ] || cat "/$bundle" >> "$work/root/$bundle"
inside() {
    chroot "$work/root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
        DEBIAN_FRONTEND=noninteractive PIP_CERT="/$bundle" "$@"
}
inside apt-get update -qq
inside apt-get install -y -qq --no-install-recommends python3 python3-venv
inside python3 -m venv /opt/jupyter
inside /opt/jupyter/bin/pip install --quiet --no-cache-dir jupyterlab
ln -s /opt/jupyter/bin/jupyter "$work/root/usr/local/bin/jupyter"
umount -l "$work/root/dev" "$work/root/proc"
cp "$work/own.crt" "$work/root/$bundle"
: > "$work/root/etc/resolv.conf"
rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/* "$work"/root/tmp/*
tar --numeric-owner -C "$work/root" -cf "$2" .
