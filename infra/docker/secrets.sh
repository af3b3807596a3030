#!/usr/bin/env bash
# Makes the secrets of a compose street, once: nkeys, pepper, session, alerts, PII, BYOK, log, promise and worker keys, store password, and the broker's users.
#
#   infra/docker/secrets.sh            into .state/compose, or $NI_COMPOSE_STATE
#
# What is there stays as it is; users.conf is written anew, because rights may change with an upgrade. A provider's
# credential is a file of that name: echo -n sk-… > .state/compose/env/worker-openai/OPENAI_API_KEY
set -euo pipefail
umask 077
[ -x .venv/bin/python ] || { echo "run it in the checkout, after: make setup" >&2; exit 1; }
state=${NI_COMPOSE_STATE:-.state/compose}
mkdir -p "$state"/{secrets,accounts,custody,nats} "$state"/env/{worker-bedrock,worker-openai,worker-self-hosted,store}

keep() { # name, then a command that prints the secret: whole or not there
  if [ ! -e "$state/secrets/$1" ]; then
    "${@:2}" > "$state/secrets/.$1.new"
    mv "$state/secrets/.$1.new" "$state/secrets/$1"
  fi
}
keep pepper head -c 32 /dev/urandom
keep session.key head -c 32 /dev/urandom
keep alerts.key head -c 32 /dev/urandom
keep pii.key head -c 32 /dev/urandom
keep log.key head -c 32 /dev/urandom
keep promise.key head -c 32 /dev/urandom
keep worker.key head -c 32 /dev/urandom
keep kek sh -c "printf 'kek-1 '; head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; echo"
keep clickhouse.password sh -c "head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'"
cp -f "$state/secrets/clickhouse.password" "$state/env/store/NI_STORE_PASSWORD"
.venv/bin/python -m cli nats-users --seeds "$state/secrets" > "$state/users.conf"
chmod 0644 "$state/users.conf" # public keys and rights only
echo "secrets stand in $state; next: NI_UID=$(id -u) NI_GID=$(id -g) docker compose up --build"
