# syntax=docker/dockerfile:1
# CPU:   docker build --target cpu -t barkbot .        (see TORCH_INDEX below for a small image)
# CUDA:  docker build --target cuda -t barkbot:cuda .
# Run:   docker run --init --stop-timeout 45 --env-file token.env -v barkbot:/data barkbot      (token.env: BARKBOT_TOKEN=...)
#        the same with --gpus all and barkbot:cuda
# Closed:  docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges ... and the rest as above:
#        everything that the bot writes is in /data, or passing and in /tmp
#        (45 s: the job at hand gets 20 s to finish and its answer 10 s to be delivered; what is left goes on at the next start)
ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS dependencies
# The registry's default torch brings CUDA along. For a small CPU image pass the index of CPU builds that PyTorch's install
# page names: --build-arg TORCH_INDEX=...
ARG TORCH_INDEX=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY pyproject.toml constraints.txt ./
RUN python -m venv /opt/barkbot
ENV PATH=/opt/barkbot/bin:$PATH
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" > requirements.txt \
 && if [ -n "$TORCH_INDEX" ]; then pip install -c constraints.txt --index-url "$TORCH_INDEX" torch; fi \
 && pip install -c constraints.txt -r requirements.txt

# The code comes after the dependencies: a change of the code rebuilds only what follows.
FROM dependencies AS installed
COPY README.md LICENSE ./
COPY bot bot
COPY synth synth
RUN pip install --no-deps .

FROM python:${PYTHON}-slim AS cpu
# For the transformers' CPU kernels, compiled at the start for the processor that is there.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --create-home barkbot && install -d -m 700 -o barkbot -g barkbot /data
COPY --from=installed /opt/barkbot /opt/barkbot
ENV PATH=/opt/barkbot/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    BARKBOT_STORE__FOLDER=/data HF_HOME=/data/models XDG_CACHE_HOME=/data/cache
USER barkbot
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
ENTRYPOINT ["barkbot"]
CMD ["run"]

# The torch wheel carries its CUDA libraries; the driver comes from the host.
FROM cpu AS cuda
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility BARKBOT_MODEL__DEVICE=cuda \
    TRITON_CACHE_DIR=/data/cache/triton
