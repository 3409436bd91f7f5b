#!/bin/sh
# Makes what the services of compose.yaml need before their first start: passwords,
# each readable by those who use it only, and volumes that belong to users other
# than root. What exists it leaves alone. It runs before every start, as root.
set -eu
umask 077
nats=1000 tillstream=65532 # as in compose.yaml

secret() { head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }

chmod 755 /passwords
[ -s /passwords/signing-key ] || { # of every tillstream, to sign the logs with
	head -c 32 /dev/urandom | base64 >/passwords/signing-key.new
	mv /passwords/signing-key.new /passwords/signing-key
}
for user in app adapter operator system route api-token; do # the last is for HTTP
	[ -s "/passwords/$user" ] || {
		secret >"/passwords/$user.new"
		mv "/passwords/$user.new" "/passwords/$user"
	}
	chown $nats "/passwords/$user"
done
chown $tillstream /passwords/app /passwords/signing-key

{
	echo "ADAPTER_SUBJECTS: \"pos.${TILLSTREAM_STORE:?}.*\""
	for user in app adapter operator system route; do
		name=$(echo $user | tr a-z A-Z)
		echo "${name}_PASSWORD: \"$(cat /passwords/$user)\""
	done
	echo "ROUTES: ["
	for server in nats-1 nats-2 nats-3; do
		echo "  \"nats://route:$(cat /passwords/route)@$server:6222\""
	done
	echo "]"
} >/passwords/nats.conf.new
chown $nats /passwords/nats.conf.new
mv /passwords/nats.conf.new /passwords/nats.conf

chown $nats /nats/*

# Whoever may use one tillstream's API may use the other's.
for dir in /tillstream/*; do
	chmod 700 "$dir"
	[ -s "$dir/api-token" ] || cp /passwords/api-token "$dir/api-token"
	chown $tillstream "$dir" "$dir/api-token"
done
