# docker build --tag evergreen .        What runs beside it: compose.yaml. How to go live: docs/deploy.md.
#
# Nothing is compiled: every package has a wheel for Linux on x86-64 and 64-bit ARM. Code and packages belong to root,
# so that the process cannot change what it runs; it writes to /tmp and, with SQLite or mail in files, to instance/.

FROM python:3.13-slim-bookworm AS builder

# Without pip: the image that serves has no use for it.
RUN python -m venv --without-pip /venv
COPY requirements.txt /
RUN pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check \
    --only-binary=:all: --require-hashes --requirement /requirements.txt

WORKDIR /app
COPY wsgi.py gunicorn.conf.py LICENSE ./
COPY migrations migrations/
COPY static static/
COPY templates templates/
COPY webapp webapp/
# Readable whatever the umask of the checkout was.
RUN python -m compileall -q . && chmod -R u=rwX,go=rX /app


FROM python:3.13-slim-bookworm

# A fixed number, so that the owner of a volume stays the same and orchestrators can tell that it is not root.
RUN groupadd --gid 10001 evergreen \
    && useradd --uid 10001 --gid evergreen --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin evergreen

COPY --from=builder /venv /venv
COPY --from=builder /app /app
RUN install --directory --owner=evergreen --group=evergreen --mode=0700 /app/instance

# HOST: within a container, "only this machine" would be nobody. Publish the port to a proxy only.
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0

WORKDIR /app
USER 10001:10001
VOLUME /app/instance
EXPOSE 8000

# Alive, not ready: a database that is away is no reason to start the server again. http.client heeds no proxy settings.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; to = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('PORT') or 8000), timeout=3); to.request('GET', '/healthz'); sys.exit(to.getresponse().status != 200)"]

# The tables are made and changed by a command of its own: flask --app wsgi prepare
CMD ["gunicorn", "wsgi:app"]
