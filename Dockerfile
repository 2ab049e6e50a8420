# bw in a container: docker build -t bw . && docker run -e NATS_URL=… -e OUTDIR=/out -v …:/out bw
FROM debian:trixie-slim AS build
WORKDIR /src
# This file is copied before all others, so that the layer with the packages stays when only sources change.
COPY scripts/packages.sh scripts/
RUN apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $(sh scripts/packages.sh build)
COPY . .
RUN cmake -S . -B build -DBUILD_TESTING=OFF && \
    cmake --build build -j"$(nproc)" && \
    cpack --config build/CPackConfig.cmake -G DEB -B build/deb

FROM debian:trixie-slim
COPY --from=build /src/build/deb/*.deb /tmp/
# apt installs the package, so that the package's own dependencies decide what is in the image.
RUN apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends /tmp/*.deb && \
    rm -rf /tmp/*.deb /var/lib/apt/lists/* /var/cache/apt/archives/* && \
    useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent bw
# The user is a number, so that an orchestrator can see that it is not root. OUTDIR must be writable for this user.
USER 10001:10001
ENTRYPOINT ["bw"]
