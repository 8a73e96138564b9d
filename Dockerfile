FROM python:3.11-slim

# One folder for everything that has to outlive the container, owned by the only user of the service.
RUN useradd --home-dir /data --create-home closedloop

WORKDIR /source
COPY pyproject.toml constraints.txt README.md ./
COPY app app
COPY closedloop closedloop
COPY db db
COPY models models
COPY optimizer optimizer
# The CPU build of torch is a tenth of the size of the default one.
RUN pip install --no-cache-dir -c constraints.txt --extra-index-url https://download.pytorch.org/whl/cpu '.[postgres,dask]'

USER closedloop
WORKDIR /data
VOLUME /data
# All interfaces of the container; which of them the world sees is decided where its port is published.
ENV CLOSEDLOOP_FOLDER=/data CLOSEDLOOP_HOST=0.0.0.0 CLOSEDLOOP_PORT=8000 PYTHONUNBUFFERED=1
EXPOSE 8000
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/api/v1/health', timeout=5)"]
CMD ["closedloop", "serve"]
