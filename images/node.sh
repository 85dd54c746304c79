# The base with dbc-node, for rented validators. Arguments: base tree (tar), tar file to make, the program.
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
mkdir "$work/root"
tar --numeric-owner -C "$work/root" -xf "$1"
# Without what debuggers need it is a fraction of its size.
strip -o "$work/root/usr/local/bin/dbc-node" "$3" || cp "$3" "$work/root/usr/local/bin/dbc-node"
chmod 755 "$work/root/usr/local/bin/dbc-node"
cat > "$work/root/usr/local/bin/validate" <<'END'
#!/bin/sh -eu
# Waits for the chain spec of the network, then validates. Its RPC is for programs of this container alone.
cd /root
while [ ! -s chain.json ]; do sleep 1; done
umask 077
[ -s node.key ] || dbc-node key generate-node-key --chain chain.json --file node.key
exec dbc-node --chain chain.json --validator --base-path /root/node --node-key-file node.key \
    --rpc-port 9944 --listen-addr /ip4/0.0.0.0/tcp/30333 --wasm-cache /root/wasm-cache \
    --no-prometheus --no-telemetry --no-mdns
END
chmod 755 "$work/root/usr/local/bin/validate"
# It runs there, with the libraries of that system.
chroot "$work/root" /usr/bin/env -i /usr/local/bin/dbc-node --version
tar --numeric-owner -C "$work/root" -cf "$2" .
