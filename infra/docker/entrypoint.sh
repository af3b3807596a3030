#!/bin/sh
# Secrets come as files, one variable each: /run/secrets/env/OPENAI_API_KEY holds what becomes $OPENAI_API_KEY.
# Nothing is printed; an empty folder changes nothing.
set -eu
for file in /run/secrets/env/*; do
  if [ -f "$file" ] && [ -r "$file" ]; then
    value=$(cat "$file")
    export "${file##*/}=$value"
  fi
done
exec "$@"
