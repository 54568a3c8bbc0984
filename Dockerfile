# syntax=docker/dockerfile:1
# The steps are scripts, so that `make check-image` can run them where there is no Docker.
# By its exact version; `deploy/pin_images.py` adds the digest.
ARG PYTHON=python:3.14.8-slim-trixie

FROM ${PYTHON} AS build
COPY . /src
RUN sh /src/deploy/build-image.sh /src /out

FROM ${PYTHON}
RUN --mount=type=bind,from=build,source=/src/deploy/install-runtime.sh,target=/mnt/install-runtime.sh \
    --mount=type=bind,from=build,source=/out,target=/mnt/out \
    sh /mnt/install-runtime.sh /mnt/out
ENV PATH=/opt/reachinbox/bin:/usr/local/bin:/usr/bin:/bin
# Reached from outside of the container: so BASE_URL, where people reach it, has to be given.
ENV HOST=0.0.0.0
ENV PORT=3000
ENV REACHINBOX_DATA_DIR=/var/lib/reachinbox
ENV PYTHONUNBUFFERED=1
ENV PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /var/lib/reachinbox
# The embedded PostgreSQL and generated keys; with DATABASE_URL and SECRET_KEY set, no more than `last-seen`.
VOLUME /var/lib/reachinbox
EXPOSE 3000
# Emails that are being sent are finished first: give it time (`docker stop --time 130`, stop_grace_period in Compose).
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s CMD ["healthcheck"]
ENTRYPOINT ["reachinbox"]
CMD ["up"]
