# Image reviewlens-api: the API alone. What may go in stands in .dockerignore.
# Every package in it is one of requirements.lock, checked by its hash: the install sees nothing but those.
FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements.lock ./
RUN pip wheel --require-hashes --no-deps --requirement requirements.lock --wheel-dir wheels
COPY pyproject.toml README.md LICENSE ./
COPY telemetry telemetry
COPY app app
RUN pip wheel --no-deps --wheel-dir wheels .
RUN python -m venv --without-pip /opt/reviewlens
RUN pip --python /opt/reviewlens/bin/python install --no-index --find-links wheels reviewlens

FROM python:3.11-slim
RUN install --directory --owner=10001 --group=10001 /var/lib/reviewlens
COPY --from=build /opt/reviewlens /opt/reviewlens
ENV PATH=/opt/reviewlens/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    PORT=8000 REVIEWLENS_HOST=0.0.0.0 REVIEWLENS_STATE_DIR=/var/lib/reviewlens
WORKDIR /var/lib/reviewlens
USER 10001:10001
VOLUME /var/lib/reviewlens
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --retries=3 --start-period=60s \
    CMD ["python", "-c", "import http.client, os; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('REVIEWLENS_PORT') or os.environ['PORT']), timeout=4); c.request('GET', '/readyz'); raise SystemExit(c.getresponse().status != 200)"]
# uvicorn, within this very process: it gets SIGTERM, ends its requests, and pushes what it still holds.
CMD ["reviewlens", "serve"]
