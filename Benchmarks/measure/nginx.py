"""nginx with one worker and the exporter's page as a static file: the yardstick of an HTTP server."""

from pathlib import Path

from .programs import installed
from .server import Server

PORT = 9478

CONFIGURATION = """\
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  open_file_cache max=10;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    root {folder}/root;
    types {{ }}
    default_type "text/plain; version=0.0.4; charset=utf-8";
  }}
}}
"""


def serving(body: bytes, build: Path) -> Server:
    folder = build / "nginx"
    (folder / "root").mkdir(parents=True, exist_ok=True)
    (folder / "root" / "metrics").write_bytes(body)
    configuration = folder / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, port=PORT))
    # -e: the log that is open before the configuration is read.
    command = [installed("nginx"), "-e", "stderr", "-c", configuration]
    return Server(command, PORT, folder / "log")
