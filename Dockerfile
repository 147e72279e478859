# The only place that sets the Python version of the image; `.ci/run` reads it, and tests on its minor version.
ARG PYTHON=3.13.9

# Two stages, to keep build tools out of the image.
FROM python:${PYTHON}-slim-bookworm AS build
WORKDIR /src
COPY requirements/run.lock requirements/build.lock requirements/
RUN python -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir --require-hashes --requirement requirements/build.lock
RUN python -m venv --without-pip /opt/cni-guard && /opt/build/bin/pip --python /opt/cni-guard/bin/python install --no-cache-dir --require-hashes --requirement requirements/run.lock
COPY pyproject.toml README.md LICENSE ./
COPY webhook/ webhook/
COPY certs/ certs/
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist .
RUN /opt/build/bin/pip --python /opt/cni-guard/bin/python install --no-cache-dir --no-deps --no-index dist/*.whl

FROM python:${PYTHON}-slim-bookworm
# The guard never installs packages, so pip is removed.
RUN python -m pip uninstall --yes pip && useradd --system --uid 65532 --no-create-home --shell /usr/sbin/nologin cni-guard
COPY --from=build /opt/cni-guard /opt/cni-guard
ENV PATH=/opt/cni-guard/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
EXPOSE 8443
ENTRYPOINT ["cni-guard"]
CMD ["serve"]
