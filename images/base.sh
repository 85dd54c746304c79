# Debian 12, small. Arguments: (unused) base tree, tar file to make.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
debootstrap --variant=minbase --include=ca-certificates,procps,iproute2,curl,git,less,vim-tiny bookworm "$work/root"
rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/* "$work"/root/var/log/*.log
tar --numeric-owner -C "$work/root" -cf "$2" .
