#!/bin/sh
# New code or new settings, and no request is refused: each server in turn is left out by nginx, starts anew, and comes
# back when it is ready. As root: deploy/restart.sh [PORT ...], the ports of deploy/nginx.conf without any.
set -eu
site=${SITE:-/etc/nginx/conf.d/evergreen.conf}
[ $# -gt 0 ] || set -- 8000 8001

within() { # within SECONDS COMMAND ...: try it until it succeeds
    left=$(($1 * 5)) && shift
    until "$@"; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        sleep 0.2
    done
}
is_idle() { [ -z "$(ss -Htn state established dst "127.0.0.1:$1")" ]; }
is_ready() { curl --fail --silent --output /dev/null --max-time 3 "http://127.0.0.1:$1/readyz"; }

for port; do
    sed -i "s/\(server 127\.0\.0\.1:$port max_fails=0\);/\1 down;/" "$site"
    nginx -s reload
    within 10 is_idle "$port" || echo "Port $port is still in use; its requests have 30 seconds." >&2
    systemctl restart "evergreen@$port"
    if ! within 60 is_ready "$port"; then
        echo "evergreen@$port does not get ready, and is left out: journalctl -u evergreen@$port" >&2
        exit 1
    fi
    sed -i "s/\(server 127\.0\.0\.1:$port max_fails=0\) down;/\1;/" "$site"
    nginx -s reload
    echo "evergreen@$port serves."
done
