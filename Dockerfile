# syntax=docker/dockerfile:1
# Not built where it was written (no Docker daemon there): tests/k8s/test_image.py checks what it names.
#   docker build --tag steadyrag:0.1.0 .
#   docker build --tag steadyrag-tools:0.1.0 --target tools .     the service, with what measures it

ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS wheel
WORKDIR /src
RUN pip install --no-cache-dir build==1.6.1
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY cache cache
COPY chaos chaos
COPY evals evals
COPY rag rag
COPY router router
RUN python -m build --wheel --outdir /wheels

# What serves: neither torch nor transformers.
FROM ${PYTHON} AS packages
COPY --from=wheel /wheels /wheels
RUN python -m venv /opt/steadyrag \
 && /opt/steadyrag/bin/pip install --no-cache-dir "$(ls /wheels/*.whl)[documents,redis,qdrant,otel]"

# The embedding model, exported to ONNX; torch, with all that it brings, stays behind in this stage. The export keeps the
# most compact precision that is exact enough on the CPU that builds; build where you serve, or on an older one.
FROM packages AS model
RUN /opt/steadyrag/bin/pip install --no-cache-dir torch==2.13.0 \
 && /opt/steadyrag/bin/pip install --no-cache-dir "$(ls /wheels/*.whl)[export]" \
 && /opt/steadyrag/bin/python -c "from pathlib import Path; from rag.embedding.files import DEFAULT_MODEL, prepare; prepare(Path('/opt/models'), DEFAULT_MODEL)" \
 && chmod -R a+rX /opt/models

FROM packages AS tools-packages
RUN /opt/steadyrag/bin/pip install --no-cache-dir "$(ls /wheels/*.whl)[evals,chaos]"

FROM ${PYTHON} AS base
RUN useradd --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin steadyrag \
 && install --directory --owner=10001 --group=10001 /var/lib/steadyrag
COPY --from=model /opt/models /opt/models
ENV PATH=/opt/steadyrag/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    STEADYRAG_CACHE_DIR=/opt/models \
    STEADYRAG_DATA_DIR=/var/lib/steadyrag
USER 10001:10001
ENTRYPOINT ["steadyrag"]

FROM base AS tools
COPY --from=tools-packages /opt/steadyrag /opt/steadyrag
CMD ["--help"]

# The last stage is what is built when none is named.
FROM base AS service
COPY --from=packages /opt/steadyrag /opt/steadyrag
VOLUME /var/lib/steadyrag
EXPOSE 8000
HEALTHCHECK --interval=20s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health', timeout=3)"]
CMD ["serve", "--host=0.0.0.0"]
