# syntax=docker/dockerfile:1
# Baton alone, in Debian's slim image: it brings its templates, static files, migrations and time zones along.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# Queries are checked against .sqlx: no database is needed here. The caches outlive the layer, so what was built is taken out of them.
ENV SQLX_OFFLINE=true
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin baton \
    && install -D target/release/baton /out/baton

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/baton --create-home --shell /usr/sbin/nologin baton
COPY --from=build /out/baton /usr/local/bin/baton
USER 10001
WORKDIR /var/lib/baton
ENV BATON_DATA_DIR=/var/lib/baton \
    BATON_LISTEN=0.0.0.0:8080
EXPOSE 8080
VOLUME /var/lib/baton
# Ready means that the database answers, too. The image has no HTTP client, but bash speaks TCP.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --start-interval=1s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
ENTRYPOINT ["baton"]
CMD ["serve"]
